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
    table.softmax = programs::softmax;
    return table;
  }();
  return kTable;
}

}  // namespace eznas::EZNAS_ISA
