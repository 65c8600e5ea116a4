#pragma once
// From a determinant as a product m·2^e in float64 to what det and logdet give.
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {

typedef uint64_t RegUnsigned __attribute__((vector_size(4 * kWidth)));

/// Moves the exponent of m, where it is a normal number, to e.
[[gnu::always_inline]] inline void normalizeProduct(RegDouble& m, RegLong& e) {
  const RegUnsigned bits = (RegUnsigned)m;
  const RegLong field = (RegLong)((bits >> 52) & 0x7ff);
  const RegLong normal = (field != 0) & (field != 0x7ff);
  e += (field - 1023) & normal;
  m = normal ? (RegDouble)((bits & ~(uint64_t{0x7ff} << 52)) | uint64_t{1023} << 52) : m;
}

/// m·2^e as float64 where float32 can hold it, else beyond what float32 can hold.
[[gnu::always_inline]] inline RegDouble scaled(RegDouble m, RegLong e) {
  const RegLong low = e < -1000 ? RegLong{} - 1000 : e;
  const RegLong exponent = low > 1000 ? RegLong{} + 1000 : low;
  return m * (RegDouble)((exponent + 1023) << 52);
}

/// ln(m·2^e) for m in [1, 2): 2·artanh((m − 1) / (m + 1)) on [√½, √2] as a series, exact to float32 and beyond.
[[gnu::always_inline]] inline RegDouble logProduct(RegDouble m, RegLong e) {
  const RegLong large = m > 1.4142135623730951;
  m = large ? m * 0.5 : m;
  const RegDouble exponent = __builtin_convertvector(e - large, RegDouble);
  const RegDouble s = (m - 1.0) / (m + 1.0), square = s * s;
  RegDouble sum = RegDouble{} + 2.0 / 15;
  sum = sum * square + 2.0 / 13;
  sum = sum * square + 2.0 / 11;
  sum = sum * square + 2.0 / 9;
  sum = sum * square + 2.0 / 7;
  sum = sum * square + 2.0 / 5;
  sum = sum * square + 2.0 / 3;
  sum = sum * square + 2.0;
  return sum * s + exponent * 0.69314718055994530942;
}

/// m·2^e, or its logarithm: 0 for negative ones and NaN, −Inf for 0. m is normalized.
[[gnu::always_inline]] inline RegDouble resultOf(RegDouble m, RegLong e, bool logarithm) {
  if (!logarithm) return scaled(m, e);
  const RegDouble finite = m < static_cast<double>(kInfinity) ? logProduct(m, e) : m;
  const RegDouble positive = m > 0.0 ? finite : RegDouble{};
  return m == 0.0 ? RegDouble{} - static_cast<double>(kInfinity) : positive;
}

}  // namespace eznas::EZNAS_ISA::programs
