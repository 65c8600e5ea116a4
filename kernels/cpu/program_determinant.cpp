// Determinants of batches of small matrices, in float64: closed forms up to 3 × 3, beyond them LU with partial pivoting
// (determinant_lu.h).
//
// A singular matrix must give 0 exactly, not the sign of a rounding error: ln det maps negative values to 0, positive
// ones near zero to a large negative number. A row or column of zeros, which most slices of a gradient have, is seen
// without elimination; a matrix with a pivot that is small against its largest element is tested again
// (determinant_rank.h).
//
// A matrix of more than one element with an infinite or NaN element has no determinant: NaN, whatever the elimination
// would make of it (which depends on its order), and so 0 for ln det.
#include "kernels/cpu/determinant_closed.h"
#include "kernels/cpu/determinant_lu.h"
#include "kernels/cpu/determinant_rank.h"
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// Pivots of a batch: pivot k of slice s at [k · kTogether + s], and whether the slice's determinant is their product's
/// negative, or 0.
struct Pivots {
  double* values;
  bool odd[kTogether] = {}, singular[kTogether] = {};
};

/// Determinants, or their logarithms, of the batch's slices.
void finish(const Pivots& pivots, size_t n, size_t count, bool logarithm, float* y) {
  for (size_t s = 0; s < count; s += kDoubles) {
    RegDouble m = RegDouble{} + 1;
    RegLong e{}, odd, singular;
    for (size_t k = 0; k < n; ++k) {
      m *= loadAs<RegDouble>(pivots.values + k * kTogether + s);
      if (k % 4 == 3) normalizeProduct(m, e);
    }
    normalizeProduct(m, e);
    for (size_t l = 0; l < kDoubles; ++l) {
      odd[l] = pivots.odd[s + l] ? -1 : 0;
      singular[l] = pivots.singular[s + l] ? -1 : 0;
    }
    m = odd ? -m : m;
    storeFloats(y + s, resultOf(singular ? RegDouble{} : m, e, logarithm));
  }
}

// ---- matrices that need no elimination -----------------------------------------------------------------------------

/// What a look at the elements tells: whether one is not finite, whether a row or column is zero, the largest
/// magnitude.
struct Look {
  bool finite, empty;
  float largest;
};

/// `registers` per row, the last with `tail` elements (0: all).
template <size_t registers>
[[gnu::always_inline]] inline Look lookAt(const float* x, size_t n, size_t perRow, size_t tail) {
  constexpr size_t kMost = registers > 0 ? registers : kMaxDeterminantSize / kWidth;
  RegInt columns[kMost], top{};
  if (registers > 0) perRow = registers;
  for (size_t r = 0; r < perRow; ++r) columns[r] = RegInt{};
  bool emptyRow = false;
  for (size_t i = 0; i < n; ++i, x += n) {
    RegInt row{};
    for (size_t r = 0; r < perRow; ++r) {
      const float* at = x + r * kWidth;
      const RegInt bits = bitsOf(r + 1 == perRow && tail > 0 ? loadPartial(at, tail) : loadReg(at)) & 0x7fffffff;
      row |= bits;
      columns[r] |= bits;
      top = bits > top ? bits : top;
    }
    emptyRow |= !any(row);
  }
  RegInt emptyColumns{};
  for (size_t r = 0; r < perRow; ++r)
    emptyColumns |= (columns[r] == 0) & (r + 1 == perRow && tail > 0 ? firstLanes(tail) : RegInt{} - 1);
  int32_t largestBits = 0;
  for (int l = 0; l < kWidth; ++l) largestBits = top[l] > largestBits ? top[l] : largestBits;
  float largest;
  std::memcpy(&largest, &largestBits, sizeof largest);
  return {.finite = largestBits < 0x7f800000, .empty = emptyRow || any(emptyColumns), .largest = largest};
}

Look lookAt(const float* x, size_t n) {
  const size_t perRow = (n + kWidth - 1) / kWidth, tail = n % kWidth;
  if (perRow == 1) return lookAt<1>(x, n, 1, tail);
  if (perRow == 2) return lookAt<2>(x, n, 2, tail);
  return lookAt<0>(x, n, perRow, tail);
}

// ---- batches -------------------------------------------------------------------------------------------------------

void fill(double* rows, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i, x += n) {
    size_t c = 0;
    for (; c + kDoubles <= n; c += kDoubles, rows += kDoubles) storeReg(rows, loadDoubles(x + c));
    if (c < n) {
      storeReg(rows, lowerDoubles(loadPartial(x + c, n - c)));
      rows += kDoubles;
    }
  }
}

/// Matrices on their way through elimination: filled one by one, eliminated together, their results written where they
/// belong.
class Batch {
 public:
  Batch(size_t n, bool logarithm, float* scratch)
      : n_(n), most_(determinantBatch(n)), logarithm_(logarithm), values_(reinterpret_cast<double*>(scratch)) {
    for (size_t i = 0; i < kTogether * n; ++i) values_[i] = 1;
    for (size_t s = 0; s < most_; ++s) slices_[s].rows = values_ + kTogether * n + s * determinantStride(n);
  }

  void add(const float* x, float largest, float* y) {
    Slice& slice = slices_[count_];
    fill(slice.rows, x, n_);
    slice.free.reset(n_);
    slice.small = static_cast<double>(largest) * 0x1p-30;
    slice.odd = slice.suspect = slice.singular = false;
    inputs_[count_] = x;
    results_[count_] = y;
    if (++count_ == most_) finishAll();
  }

  void finishAll() {
    eliminate(slices_, count_, n_, values_);
    Pivots pivots{.values = values_};
    for (size_t s = 0; s < count_; ++s) {
      pivots.odd[s] = slices_[s].odd;
      // All rows are done with, so that the test may use their memory.
      pivots.singular[s] = slices_[s].singular || (slices_[s].suspect && isSingular(inputs_[s], n_, slices_[0].rows));
    }
    float results[kTogether];
    finish(pivots, n_, count_, logarithm_, results);
    for (size_t s = 0; s < count_; ++s) *results_[s] = results[s];
    count_ = 0;
  }

 private:
  const size_t n_, most_;
  const bool logarithm_;
  double* const values_;
  size_t count_ = 0;
  Slice slices_[kTogether];
  const float* inputs_[kTogether];
  float* results_[kTogether];
};

}  // namespace

void determinants(const float* x, size_t n, size_t count, bool logarithm, float* y, float* scratch) {
  if (n == 1) return ofSingles(x, count, logarithm, y);
  if (n == 2) return ofSmalls<2>(x, count, logarithm, y);
  if (n == 3) return ofSmalls<3>(x, count, logarithm, y);
  Batch batch(n, logarithm, scratch);
  for (size_t i = 0; i < count; ++i, x += n * n) {
    const Look look = lookAt(x, n);
    if (!look.finite)
      y[i] = logarithm ? 0 : __builtin_nanf("");
    else if (look.empty)
      y[i] = logarithm ? -kInfinity : 0;
    else
      batch.add(x, look.largest, y + i);
  }
  batch.finishAll();
}

}  // namespace eznas::EZNAS_ISA::programs
