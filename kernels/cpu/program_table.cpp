// The table of program kernels of one SIMD level; native/core/simd.cpp chooses among the levels at run time.
#include "kernels/cpu/program_functions.h"

namespace eznas::EZNAS_ISA {

const ProgramKernels& programTable();

const ProgramKernels& programTable() {
  static const ProgramKernels kTable = [] {
    ProgramKernels table{};
    programs::addElementwise(table);
    programs::addReductions(table);
    table.matmul = programs::matmul;
    table.determinants = programs::determinants;
    table.gramRatio = programs::gramRatio;
    table.gram = programs::gram;
    table.swapLeading = programs::swapLeading;
    table.logAbsDeterminants = programs::logAbsDeterminants;
    table.spectralEntropy = programs::spectralEntropy;
    table.participationRatio = programs::participationRatio;
    table.summary = programs::summary;
    table.softmax = programs::softmax;
    return table;
  }();
  return kTable;
}

}  // namespace eznas::EZNAS_ISA
