// Between the blocked layout of the executor and plain [n][c][h][w].
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

void pack(const float* plain, const FeatureMap& y) {
  for (int i = 0; i < y.n; ++i)
    for (int b = 0; b < y.blocks(); ++b)
      for (int row = 0; row < y.h; ++row)
        for (int col = 0; col < y.w; ++col)
          for (int l = 0; l < kLanes; ++l) {
            const int c = b * kLanes + l;
            y.at(i, b, row, col)[l] = c < y.c ? plain[((static_cast<size_t>(i) * y.c + c) * y.h + row) * y.w + col] : 0;
          }
}

void unpack(const FeatureMap& x, const float* base, float* plain) {
  size_t k = 0;
  for (int i = 0; i < x.n; ++i)
    for (int c = 0; c < x.c; ++c)
      for (int row = 0; row < x.h; ++row)
        for (int col = 0; col < x.w; ++col, ++k) {
          const float v = x.at(i, c / kLanes, row, col)[c % kLanes];
          plain[k] = base ? v - base[k] : v;
        }
}

void unpackMasked(const FeatureMap& gy, const FeatureMap& x, const float* base, float* plain) {
  size_t k = 0;
  for (int i = 0; i < x.n; ++i)
    for (int c = 0; c < x.c; ++c)
      for (int row = 0; row < x.h; ++row)
        for (int col = 0; col < x.w; ++col, ++k) {
          const float g =
              x.at(i, c / kLanes, row, col)[c % kLanes] > 0 ? gy.at(i, c / kLanes, row, col)[c % kLanes] : 0;
          plain[k] = base ? g - base[k] : g;
        }
}

}  // namespace eznas::EZNAS_ISA
