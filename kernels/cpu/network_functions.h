#pragma once
// The functions of the NetworkKernels table of one SIMD level; see network_kernels.h for what each does.
#include "kernels/cpu/network_kernels.h"

namespace eznas::EZNAS_ISA {

int convInputHalo(const ConvShape&);
int convGradientHalo(const ConvShape&);
size_t convPackedSize(const ConvShape&);
size_t convScratchSize(const ConvShape&, int n, int h, int w);
void convPackForward(const ConvShape&, const float* weight, float* packed);
void convPackBackward(const ConvShape&, const float* weight, float* packed);
void convForward(const ConvShape&, const FeatureMap& x, const float* packed, const float* bias, const FeatureMap& y,
                 double* sums, double* squares, float* scratch);
void convBackwardData(const ConvShape&, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                      bool accumulate, float* scratch);
void convBackwardWeights(const ConvShape&, const FeatureMap& x, const FeatureMap& gy, float* gw, float* gb,
                         float* scratch);

void batchStatistics(const FeatureMap& x, double* mean, double* variance);
void normalizeForward(const FeatureMap& x, const float* mean, const float* inverseStd, const float* scale,
                      const float* shift, const FeatureMap& y);
void normalizeBackward(const FeatureMap& x, const FeatureMap& gy, const float* mean, const float* inverseStd,
                       const float* scale, const FeatureMap& gx, bool accumulate, float* gScale, float* gShift);

void fill(const FeatureMap& y, float value);
void copy(const FeatureMap& x, const FeatureMap& y, bool accumulate);
void sum(const FeatureMap* inputs, int count, const FeatureMap& y);
void activate(Activation activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& y);
void activateBackward(Activation activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& gy,
                      const FeatureMap& gx, bool accumulate);
void multiply(const FeatureMap& x, const FeatureMap& factor, const FeatureMap& y, bool accumulate);
void productSums(const FeatureMap& x, const FeatureMap& gy, const FeatureMap& gFactor, bool accumulate);
void copyRegion(const FeatureMap& x, int xc, int xy, int xx, const FeatureMap& y, int yc, int yy, int yx, int count,
                int h, int w, bool accumulate);

void maxPoolForward(const PoolShape&, const FeatureMap& x, const FeatureMap& y, int32_t* argmax);
void maxPoolBackward(const PoolShape&, const FeatureMap& gy, const int32_t* argmax, const FeatureMap& gx,
                     bool accumulate);
void avgPoolForward(const PoolShape&, const FeatureMap& x, const FeatureMap& y);
void avgPoolBackward(const PoolShape&, const FeatureMap& gy, const FeatureMap& gx, bool accumulate);
void globalPoolForward(const FeatureMap& x, const FeatureMap& y);
void globalPoolBackward(const FeatureMap& gy, const FeatureMap& gx, bool accumulate);

void linearForward(const FeatureMap& x, const float* weight, const float* bias, const FeatureMap& y, float* scratch);
void linearBackward(const FeatureMap& x, const FeatureMap& gy, const float* weight, const FeatureMap* gx,
                    bool accumulate, float* gw, float* gb, float* scratch);
size_t linearScratchSize(const FeatureMap& x, int features);

void pack(const float* plain, const FeatureMap& y);
void unpack(const FeatureMap& x, const float* base, float* plain);
void unpackMasked(const FeatureMap& gy, const FeatureMap& x, const float* base, float* plain);

size_t signWords(const FeatureMap& x);
void packSigns(const FeatureMap& x, int image, uint64_t* words);
uint64_t differingBits(const uint64_t* a, const uint64_t* b, size_t words);

}  // namespace eznas::EZNAS_ISA
