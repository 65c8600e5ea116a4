#include "mma_scalar.h"

namespace eznas::shim {

void completeMma(LaneSlot* slots) {
  float a[16][8], b[8][8], d[16][8];
  MmaFragments lanes[32];
  for (int lane = 0; lane < 32; ++lane) {
    MmaFragments& f = lanes[lane];
    std::memcpy(&f, slots[lane].bytes, sizeof f);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      a[g + i % 2 * 8][t + i / 2 * 4] = std::bit_cast<float>(f.a[i] & kTf32Mask);
      d[g + i / 2 * 8][2 * t + i % 2] = f.d[i];
    }
    for (int i = 0; i < 2; ++i) b[t + i * 4][g] = std::bit_cast<float>(f.b[i] & kTf32Mask);
  }
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 8; ++k)
      for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) lanes[lane].d[i] = d[g + i / 2 * 8][2 * t + i % 2];
    std::memcpy(slots[lane].bytes, &lanes[lane], sizeof lanes[lane]);
  }
}

}  // namespace eznas::shim
