#include "native/cuda/network_items.h"

#include <cstring>

#include "kernels/cuda/activation.h"
#include "kernels/cuda/batch_norm.h"
#include "kernels/cuda/conv_sweep.h"
#include "kernels/cuda/conv_weights.h"
#include "kernels/cuda/depthwise.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/pooling.h"

namespace eznas::cuda {
namespace {

template <class Item>
void put(const Item& item, std::byte* to) {
  std::memcpy(to, &item, sizeof item);
}
double* doubles(float* p) { return reinterpret_cast<double*>(p); }
unsigned* counters(float* p) { return reinterpret_cast<unsigned*>(p); }
int32_t* integers(float* p) { return reinterpret_cast<int32_t*>(p); }

}  // namespace

size_t itemBytes(Op op) {
  switch (op) {
    case Op::convForward:
    case Op::convBackward:
      return sizeof(ConvItem);
    case Op::convWeights:
      return sizeof(ConvWeightsItem);
    case Op::depthwiseForward:
    case Op::depthwiseBackward:
      return sizeof(DepthwiseItem);
    case Op::depthwiseWeights:
      return sizeof(DepthwiseWeightsItem);
    case Op::biasGradient:
      return sizeof(BiasItem);
    case Op::batchStatistics:
      return sizeof(StatisticsItem);
    case Op::normalizeBackward:
      return sizeof(NormalizeBackwardItem);
    case Op::sum:
      return sizeof(SumItem);
    case Op::activate:
      return sizeof(ActivationItem);
    case Op::activateBackward:
      return sizeof(ActivationBackwardItem);
    case Op::multiply:
    case Op::productSums:
      return sizeof(ProductItem);
    case Op::copyRegion:
      return sizeof(CopyItem);
    case Op::fill:
      return sizeof(FillItem);
    case Op::maxPool:
      return sizeof(MaxPoolItem);
    case Op::maxPoolBackward:
      return sizeof(MaxPoolBackwardItem);
    case Op::avgPool:
    case Op::avgPoolBackward:
    case Op::globalPool:
    case Op::globalPoolBackward:
      return sizeof(PoolItem);
    case Op::linear:
      return sizeof(LinearItem);
    case Op::linearBackward:
      return sizeof(LinearBackwardItem);
    case Op::linearWeights:
      return sizeof(LinearWeightsItem);
    case Op::packForward:
    case Op::packBackward:
      return sizeof(ConvPackItem);
  }
  return 0;
}

void writeItem(Op op, const std::array<float*, kMostOperands>& p, std::byte* item) {
  switch (op) {
    case Op::convForward:
    case Op::convBackward:
      return put(ConvItem{p[0], p[1], p[2], p[3], p[4], p[5], doubles(p[6]), counters(p[7]), p[8], p[9]}, item);
    case Op::convWeights:
      return put(ConvWeightsItem{p[0], p[1], p[2], p[3]}, item);
    case Op::depthwiseForward:
    case Op::depthwiseBackward:
      return put(DepthwiseItem{p[0], p[1], p[2], p[3], p[4], p[5]}, item);
    case Op::depthwiseWeights:
      return put(DepthwiseWeightsItem{p[0], p[1], p[2]}, item);
    case Op::biasGradient:
      return put(BiasItem{p[0], p[1]}, item);
    case Op::batchStatistics:
      return put(StatisticsItem{p[0], doubles(p[1]), counters(p[2]), p[3], p[4]}, item);
    case Op::normalizeBackward:
      return put(
          NormalizeBackwardItem{p[0], p[1], p[2], p[3], doubles(p[4]), counters(p[5]), p[6], p[7], p[8], p[9], p[10]},
          item);
    case Op::sum:
      return;
    case Op::activate:
      return put(ActivationItem{p[0], p[1]}, item);
    case Op::activateBackward:
      return put(ActivationBackwardItem{p[0], p[1], p[2]}, item);
    case Op::multiply:
    case Op::productSums:
      return put(ProductItem{p[0], p[1], p[2]}, item);
    case Op::copyRegion:
      return put(CopyItem{p[0], p[1]}, item);
    case Op::fill:
      return put(FillItem{p[0]}, item);
    case Op::maxPool:
      return put(MaxPoolItem{p[0], p[1], integers(p[2])}, item);
    case Op::maxPoolBackward:
      return put(MaxPoolBackwardItem{p[0], integers(p[1]), p[2]}, item);
    case Op::avgPool:
    case Op::avgPoolBackward:
    case Op::globalPool:
    case Op::globalPoolBackward:
      return put(PoolItem{p[0], p[1]}, item);
    case Op::linear:
      return put(LinearItem{p[0], p[1], p[2], p[3]}, item);
    case Op::linearBackward:
      return put(LinearBackwardItem{p[0], p[1], p[2]}, item);
    case Op::linearWeights:
      return put(LinearWeightsItem{p[0], p[1], p[2]}, item);
    case Op::packForward:
    case Op::packBackward:
      return put(ConvPackItem{p[0], p[1]}, item);
  }
}

}  // namespace eznas::cuda
