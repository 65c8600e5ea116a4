// The table of network kernels of one SIMD level; native/core/simd.cpp chooses among the levels at run time.
#include "kernels/cpu/network_functions.h"

namespace eznas::EZNAS_ISA {

const NetworkKernels& networkTable() {
  static constexpr NetworkKernels kTable = {
      .convInputHalo = convInputHalo,
      .convGradientHalo = convGradientHalo,
      .convPackedSize = convPackedSize,
      .convScratchSize = convScratchSize,
      .convPackForward = convPackForward,
      .convPackBackward = convPackBackward,
      .convForward = convForward,
      .convBackwardData = convBackwardData,
      .convBackwardWeights = convBackwardWeights,
      .batchStatistics = batchStatistics,
      .normalizeForward = normalizeForward,
      .normalizeBackward = normalizeBackward,
      .fill = fill,
      .copy = copy,
      .sum = sum,
      .multiply = multiply,
      .productSums = productSums,
      .copyRegion = copyRegion,
      .activate = activate,
      .activateBackward = activateBackward,
      .maxPoolForward = maxPoolForward,
      .maxPoolBackward = maxPoolBackward,
      .avgPoolForward = avgPoolForward,
      .avgPoolBackward = avgPoolBackward,
      .globalPoolForward = globalPoolForward,
      .globalPoolBackward = globalPoolBackward,
      .linearForward = linearForward,
      .linearBackward = linearBackward,
      .linearScratchSize = linearScratchSize,
      .pack = pack,
      .unpack = unpack,
      .unpackMasked = unpackMasked,
      .signWords = signWords,
      .packSigns = packSigns,
      .differingBits = differingBits,
  };
  return kTable;
}

}  // namespace eznas::EZNAS_ISA
