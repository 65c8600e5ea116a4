// Determinants of batches of small matrices: LU with partial pivoting in float64.
//
// A memory row of the slice takes LAPACK's column's part (det Aᵀ = det A): the pivot of step k is the largest element
// of row k, found along contiguous memory, and is not moved. Row k / pivot, in which the pivot's own place holds
// exactly 1, is subtracted from the rows below, two rows k at a time; that leaves exact zeros in the pivot's column,
// which can neither be chosen nor matter again. Several slices go through each step together: the search for a pivot is
// a chain of latencies that the other slices' searches fill.
//
// A singular matrix must give 0 exactly, not the sign of a rounding error: ln det maps negative values to 0, positive
// ones near zero to a large negative number. So a slice with a pivot that is small against its largest element is
// factorised again by isSingular, which keeps the magnitudes that were subtracted to make each element and takes it for
// 0 where it is less than 2^-40 of them: far above what rounding leaves of a true 0, far below what float32 input
// leaves of anything else.
//
// A matrix of more than one element with an infinite or NaN element has no determinant: NaN, whatever the elimination
// would make of it (which depends on its order), and so 0 for ln det.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

constexpr int kTogether = 8;           // slices in one batch at most
constexpr int64_t kIndexBits = 0xfff;  // a row's position in the low bits of a magnitude: ties go to the first
constexpr int64_t kMagnitudeBits = 0x7fffffffffffffff;
constexpr double kEpsilon = 0x1p-52, kCancelled = 0x1p-40;

typedef uint64_t RegUnsigned __attribute__((vector_size(4 * kWidth)));

// ---- from pivots to results ----------------------------------------------------------------------------------------

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

/// Pivots of a batch: pivot k of slice s at [k · kTogether + s], and whether the slice's determinant is their product's
/// negative, or 0.
struct Pivots {
  double* values;
  bool odd[kTogether] = {}, singular[kTogether] = {};
};

/// Determinants, or their logarithms (0 for negative ones and NaN, −Inf for 0), of the batch's slices.
void finish(const Pivots& pivots, size_t n, size_t count, bool logarithm, float* y) {
  double results[kTogether];
  for (int s = 0; s < kTogether; s += kDoubles) {
    RegDouble m = RegDouble{} + 1;
    RegLong e{}, odd, singular;
    for (size_t k = 0; k < n; ++k) {
      m *= loadAs<RegDouble>(pivots.values + k * kTogether + s);
      if (k % 2 == 1) normalizeProduct(m, e);
    }
    normalizeProduct(m, e);
    for (int l = 0; l < kDoubles; ++l) {
      odd[l] = pivots.odd[s + l] ? -1 : 0;
      singular[l] = pivots.singular[s + l] ? -1 : 0;
    }
    m = odd ? -m : m;
    m = singular ? RegDouble{} : m;
    if (logarithm) {
      const RegDouble finite = m < static_cast<double>(kInfinity) ? logProduct(m, e) : m;
      const RegDouble positive = m > 0.0 ? finite : RegDouble{};
      storeReg(results + s, m == 0.0 ? RegDouble{} - static_cast<double>(kInfinity) : positive);
    } else {
      storeReg(results + s, scaled(m, e));
    }
  }
  for (size_t s = 0; s < count; ++s) y[s] = static_cast<float>(results[s]);
}

/// Results of matrices with an element that is not finite.
void withoutDeterminant(const float* x, size_t elements, size_t count, bool logarithm, float* y) {
  for (size_t s = 0; s < count; ++s, x += elements) {
    // 0 · x is 0 for a finite x and NaN otherwise.
    Reg products{};
    size_t i = 0;
    for (; i + kWidth <= elements; i += kWidth) products += loadReg(x + i) * 0.0f;
    if (i < elements) products += loadPartial(x + i, elements - i) * 0.0f;
    float sum = 0;
    for (int l = 0; l < kWidth; ++l) sum += products[l];
    if (sum != 0.0f) y[s] = logarithm ? 0 : __builtin_nanf("");
  }
}

// ---- closed forms --------------------------------------------------------------------------------------------------

/// The elements themselves, or their logarithms: 0 for negative ones and NaN, −Inf for 0.
void ofSingles(const float* x, size_t count, bool logarithm, float* y) {
  const auto f = [&](Reg v) {
    if (!logarithm) return v;
    const Reg positive = v > 0.0f ? logReg(v) : Reg{};
    return v == 0.0f ? splat(-kInfinity) : positive;
  };
  size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) storeReg(y + i, f(loadReg(x + i)));
  if (i < count) storePartial(y + i, f(loadPartial(x + i, count - i)), count - i);
}

/// Products of float32 pairs are exact in float64.
double ofTwo(const float* x) { return static_cast<double>(x[0]) * x[3] - static_cast<double>(x[1]) * x[2]; }

double ofThree(const float* x) {
  const double a = x[0], b = x[1], c = x[2], d = x[3], e = x[4], f = x[5], g = x[6], h = x[7], i = x[8];
  const double first = a * (e * i - f * h), second = b * (d * i - f * g), third = c * (d * h - e * g);
  const double det = first - second + third;
  const auto abs = [](double v) { return __builtin_fabs(v); };
  const double terms =
      abs(a) * (abs(e * i) + abs(f * h)) + abs(b) * (abs(d * i) + abs(f * g)) + abs(c) * (abs(d * h) + abs(e * g));
  return abs(det) <= 4 * kEpsilon * terms && terms < static_cast<double>(kInfinity) ? 0.0 : det;
}

// ---- elimination ---------------------------------------------------------------------------------------------------

template <int half>
[[gnu::always_inline]] inline RegLong exchanged(RegLong v) {
#if defined(__AVX512F__)
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half, 4 ^ half, 5 ^ half, 6 ^ half, 7 ^ half});
#elif defined(__AVX2__)
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half});
#else
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half});
#endif
}

[[gnu::always_inline]] inline RegLong larger(RegLong a, RegLong b) { return a > b ? a : b; }

[[gnu::always_inline]] inline int64_t largest(RegLong v) {
#if defined(__AVX512F__)
  v = larger(v, exchanged<4>(v));
#endif
#if defined(__AVX2__)
  v = larger(v, exchanged<2>(v));
#endif
  v = larger(v, exchanged<1>(v));
  return v[0];
}

/// Lane numbers.
[[gnu::always_inline]] inline RegLong lanes() {
  RegLong v;
  for (int l = 0; l < kDoubles; ++l) v[l] = l;
  return v;
}

/// One slice in scratch: n rows of `width` float64 (n padded with zeros to whole registers), the pivots' columns, and
/// the magnitude up to which a pivot is suspect.
struct Slice {
  double* rows;
  int* columns;
  double small;
};

/// LU of one size; `registers` is the width in registers where it is known at compile time, or 0.
template <size_t registers>
struct Lu {
  size_t n, width;

  size_t perRow() const { return registers > 0 ? registers : width / kDoubles; }

  void fill(Slice& slice, const float* x) const {
    RegLong largestBits{};
    for (size_t i = 0; i < n; ++i, x += n) {
      double* row = slice.rows + i * width;
      const auto put = [&](size_t c, RegDouble v) {
        storeReg(row + c, v);
        largestBits = larger(largestBits, (RegLong)v & kMagnitudeBits);
      };
      size_t c = 0;
      for (; c + kDoubles <= n; c += kDoubles) put(c, loadDoubles(x + c));
      if (c < n) put(c, lowerDoubles(loadPartial(x + c, n - c)));
    }
    const int64_t bits = largest(largestBits);
    std::memcpy(&slice.small, &bits, sizeof bits);
    slice.small *= 0x1p-30;
  }

  [[gnu::always_inline]] size_t findPivot(const Slice& slice, size_t k) const {
    const double* row = slice.rows + k * width;
    const RegLong position = kIndexBits - lanes();
    RegLong best{};
    for (size_t r = 0; r < perRow(); ++r) {
      const RegLong magnitudes = loadAs<RegLong>(row + r * kDoubles) & (kMagnitudeBits & ~kIndexBits);
      best = larger(best, magnitudes | (position - static_cast<int64_t>(r * kDoubles)));
    }
    return static_cast<size_t>(kIndexBits - (largest(best) & kIndexBits));
  }

  /// Turns row k into its multipliers: row / pivot, and 1 at the pivot.
  [[gnu::always_inline]] void scale(const Slice& slice, size_t k, size_t p) const {
    double* row = slice.rows + k * width;
    const double inverse = 1 / row[p];
    for (size_t r = 0; r < perRow(); ++r) {
      const RegLong isPivot = lanes() == static_cast<int64_t>(p) - static_cast<int64_t>(r * kDoubles);
      storeReg(row + r * kDoubles, isPivot ? RegDouble{} + 1 : loadAs<RegDouble>(row + r * kDoubles) * inverse);
    }
  }

  /// Subtracts row k's multiple from row k + 1.
  [[gnu::always_inline]] void eliminateNext(const Slice& slice, size_t k) const {
    const double* row = slice.rows + k * width;
    double* below = slice.rows + (k + 1) * width;
    const RegDouble factor = RegDouble{} + below[slice.columns[k]];
    for (size_t r = 0; r < perRow(); ++r)
      storeReg(below + r * kDoubles,
               loadAs<RegDouble>(below + r * kDoubles) - loadAs<RegDouble>(row + r * kDoubles) * factor);
  }

  /// Subtracts multiples of rows k and k + 1 from the rows below both.
  [[gnu::always_inline]] void eliminateTwo(const Slice& slice, size_t k) const {
    constexpr size_t kHeld = registers > 0 ? registers : 1;
    const double* first = slice.rows + k * width;
    const double* second = first + width;
    const size_t p = static_cast<size_t>(slice.columns[k]), q = static_cast<size_t>(slice.columns[k + 1]);
    const RegDouble atSecond = RegDouble{} + first[q];
    RegDouble held[2][kHeld];
    for (size_t r = 0; r < registers; ++r) {
      held[0][r] = loadAs<RegDouble>(first + r * kDoubles);
      held[1][r] = loadAs<RegDouble>(second + r * kDoubles);
    }
    double* const end = slice.rows + n * width;
    for (double* below = slice.rows + (k + 2) * width; below != end; below += width) {
      const RegDouble f = RegDouble{} + below[p];
      const RegDouble g = (RegDouble{} + below[q]) - atSecond * f;  // the factor once row k is subtracted
      for (size_t r = 0; r < perRow(); ++r) {
        const RegDouble a = registers > 0 ? held[0][r % kHeld] : loadAs<RegDouble>(first + r * kDoubles);
        const RegDouble b = registers > 0 ? held[1][r % kHeld] : loadAs<RegDouble>(second + r * kDoubles);
        storeReg(below + r * kDoubles, (loadAs<RegDouble>(below + r * kDoubles) - a * f) - b * g);
      }
    }
  }

  /// Whether the slice is singular but for rounding errors. Scratch: the slice's rows, and as many again after them.
  bool isSingular(const Slice& slice, const float* x) const {
    double* const rows = slice.rows;
    double* const subtracted = rows + n * width;
    for (size_t i = 0; i < n; ++i)
      for (size_t c = 0; c < width; ++c) {
        rows[i * width + c] = c < n ? x[i * n + c] : 0;
        subtracted[i * width + c] = 0;
      }
    // The element, or 0 where it is only what rounding left.
    const auto cleaned = [&](size_t row, size_t c) {
      const double value = rows[row * width + c];
      return __builtin_fabs(value) <= kCancelled * subtracted[row * width + c] ? 0 : value;
    };
    for (size_t k = 0; k < n; ++k) {
      double* const row = rows + k * width;
      size_t p = 0;
      for (size_t c = 0; c < n; ++c) {
        row[c] = cleaned(k, c);
        if (__builtin_fabs(row[c]) > __builtin_fabs(row[p])) p = c;
      }
      if (row[p] == 0) return true;
      scale(slice, k, p);
      for (size_t j = k + 1; j < n; ++j) {
        double* const below = rows + j * width;
        const double factor = cleaned(j, p);
        for (size_t c = 0; c < n; ++c) {
          below[c] -= row[c] * factor;
          subtracted[j * width + c] += __builtin_fabs(row[c] * factor);
        }
        below[p] = 0;
      }
    }
    return false;
  }

  /// Whether the order of the pivots' columns is an odd permutation; sorts it.
  bool isOdd(int* columns) const {
    bool odd = false;
    for (size_t i = 0; i < n; ++i)
      while (columns[i] != static_cast<int>(i)) {
        const int j = columns[i];
        // A padding column, or one twice: the matrix is singular or not finite, and the sign does not matter.
        if (j >= static_cast<int>(n) || columns[j] == j) return odd;
        columns[i] = columns[j];
        columns[j] = j;
        odd = !odd;
      }
    return odd;
  }

  void run(const float* x, size_t count, Slice* slices, Pivots& pivots) const {
    const bool inWord = n <= 64;
    uint64_t freeBits[kTogether];
    bool suspect[kTogether] = {};
    for (size_t s = 0; s < count; ++s) {
      fill(slices[s], x + s * n * n);
      freeBits[s] = ~uint64_t{0};
      pivots.odd[s] = pivots.singular[s] = false;
    }
    const auto choosePivot = [&](size_t s, size_t k) {
      const size_t p = findPivot(slices[s], k);
      const double pivot = slices[s].rows[k * width + p];
      slices[s].columns[k] = static_cast<int>(p);
      pivots.values[k * kTogether + s] = pivot;
      suspect[s] |= __builtin_fabs(pivot) <= slices[s].small;
      if (inWord) {
        // Free columns before p are the transpositions that would bring it to place k.
        const uint64_t bit = uint64_t{1} << p;
        pivots.odd[s] ^= __builtin_parityll(freeBits[s] & (bit - 1)) != 0;
        freeBits[s] &= ~bit;
      }
      scale(slices[s], k, p);
    };
    for (size_t k = 0; k < n; k += 2) {
      for (size_t s = 0; s < count; ++s) choosePivot(s, k);
      if (k + 1 == n) break;
      for (size_t s = 0; s < count; ++s) eliminateNext(slices[s], k);
      for (size_t s = 0; s < count; ++s) choosePivot(s, k + 1);
      for (size_t s = 0; s < count; ++s) eliminateTwo(slices[s], k);
    }
    for (size_t s = 0; s < count; ++s) {
      if (!inWord) pivots.odd[s] = isOdd(slices[s].columns);
      if (suspect[s]) pivots.singular[s] = isSingular(slices[s], x + s * n * n);
    }
  }
};

void factorize(const float* x, size_t n, size_t count, Slice* slices, Pivots& pivots) {
  const size_t width = (n + kDoubles - 1) / kDoubles * kDoubles;
  switch (width / kDoubles) {
    case 1:
      return Lu<1>{n, width}.run(x, count, slices, pivots);
    case 2:
      return Lu<2>{n, width}.run(x, count, slices, pivots);
    case 4:
      return Lu<4>{n, width}.run(x, count, slices, pivots);
    default:
      return Lu<0>{n, width}.run(x, count, slices, pivots);
  }
}

}  // namespace

void determinants(const float* x, size_t n, size_t count, bool logarithm, float* y, float* scratch) {
  if (n == 1) return ofSingles(x, count, logarithm, y);
  double* values = reinterpret_cast<double*>(scratch);
  Pivots pivots{.values = values};
  if (n <= 3) {
    for (size_t i = 0; i < count; i += kTogether) {
      const size_t now = count - i < kTogether ? count - i : kTogether;
      for (size_t s = 0; s < now; ++s) values[s] = n == 2 ? ofTwo(x + (i + s) * 4) : ofThree(x + (i + s) * 9);
      for (size_t s = now; s < kTogether; ++s) values[s] = 1;
      finish(pivots, 1, now, logarithm, y + i);
    }
    withoutDeterminant(x, n * n, count, logarithm, y);
    return;
  }
  const size_t batch = determinantBatch(n), padded = paddedDoubles(n);
  for (size_t i = 0; i < kTogether * n; ++i) values[i] = 1;
  Slice slices[kTogether];
  double* next = values + kTogether * n;
  for (size_t s = 0; s < batch; ++s, next += (n + 1) * padded)
    slices[s] = {.rows = next, .columns = reinterpret_cast<int*>(next + n * padded), .small = 0};
  for (size_t i = 0; i < count; i += batch) {
    const size_t now = count - i < batch ? count - i : batch;
    factorize(x + i * n * n, n, now, slices, pivots);
    finish(pivots, n, now, logarithm, y + i);
    withoutDeterminant(x + i * n * n, n * n, now, logarithm, y + i);
  }
}

}  // namespace eznas::EZNAS_ISA::programs
