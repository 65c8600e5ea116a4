// Extreme eigenvalues of the Gram matrix of a tensor's rows, all in float64: G = A·Aᵀ by register blocks, Householder's
// reduction to tridiagonal form, and multisection with Sturm counts for the few eigenvalues that are asked for (Golub
// and Van Loan, Matrix Computations, 8.3 and 8.4).
//
// An eigenvalue within the rounding errors of the reduction is 0: the ratio of a rank-deficient Gram matrix is Inf, not
// the quotient by an accidental number of accidental sign.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"
#include "kernels/eigenvalue_search.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

using eigen::Bracket, eigen::Tridiagonal;

/// Products of rowsA rows of A from a with rowsB from b.
template <int rowsA, int rowsB>
void gramBlock(const float* a, const float* b, size_t columns, double* g, size_t stride) {
  RegDouble sums[rowsA][rowsB] = {};
  const auto add = [&](const RegDouble* left, const RegDouble* right) {
    for (int i = 0; i < rowsA; ++i)
      for (int j = 0; j < rowsB; ++j) sums[i][j] += left[i] * right[j];
  };
  size_t c = 0;
  RegDouble left[rowsA], right[rowsB];
  for (; c + kDoubles <= columns; c += kDoubles) {
    for (int i = 0; i < rowsA; ++i) left[i] = loadDoubles(a + i * columns + c);
    for (int j = 0; j < rowsB; ++j) right[j] = loadDoubles(b + j * columns + c);
    add(left, right);
  }
  if (c < columns) {
    for (int i = 0; i < rowsA; ++i) left[i] = lowerDoubles(loadPartial(a + i * columns + c, columns - c));
    for (int j = 0; j < rowsB; ++j) right[j] = lowerDoubles(loadPartial(b + j * columns + c, columns - c));
    add(left, right);
  }
  for (int i = 0; i < rowsA; ++i)
    for (int j = 0; j < rowsB; ++j) g[i * stride + j] = lanesTotal(sums[i][j]);
}

/// The lower triangle of A·Aᵀ, mirrored; `stride` doubles per row of g.
void gram(const float* x, size_t rows, size_t columns, double* g, size_t stride) {
  constexpr size_t kBlock = kRegisters == 32 ? 4 : 2;
  for (size_t i = 0; i < rows; i += kBlock)
    for (size_t j = 0; j <= i; j += kBlock) {
      if (i + kBlock <= rows) {
        gramBlock<kBlock, kBlock>(x + i * columns, x + j * columns, columns, g + i * stride + j, stride);
        continue;
      }
      for (size_t r = i; r < rows; ++r)
        for (size_t s = j; s < j + kBlock && s < rows; ++s)
          gramBlock<1, 1>(x + r * columns, x + s * columns, columns, g + r * stride + s, stride);
    }
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = i + 1; j < rows; ++j) g[i * stride + j] = g[j * stride + i];
}

/// p = G·v on rows and columns from `begin`, as a sum of rows (G is symmetric), a strip of registers at a time; first
/// is begin rounded down to whole registers.
void multiplySymmetric(const double* g, size_t n, size_t stride, size_t first, size_t begin, const double* v,
                       double* p) {
  constexpr int kStrip = kRegisters == 32 ? 8 : 4;
  size_t j = first;
  const auto strip = [&]<int registers>() {
    for (; j + registers * kDoubles <= stride; j += registers * kDoubles) {
      RegDouble sums[registers] = {};
      for (size_t i = begin; i < n; ++i)
        for (int r = 0; r < registers; ++r) sums[r] += v[i] * loadAs<RegDouble>(g + i * stride + j + r * kDoubles);
      for (int r = 0; r < registers; ++r) storeReg(p + j + r * kDoubles, sums[r]);
    }
  };
  strip.template operator()<kStrip>();
  strip.template operator()<kStrip / 2>();
  strip.template operator()<1>();
}

/// Reduces the symmetric g (rows padded with zeros to `stride`, a multiple of 8) to its diagonal and off-diagonal.
/// v and p are work vectors of stride doubles.
void tridiagonalize(double* g, size_t n, size_t stride, double* diagonal, double* off, double* v, double* p) {
  for (size_t k = 0; k + 2 < n; ++k) {
    const double* row = g + k * stride;
    diagonal[k] = row[k];
    double largest = 0;
    for (size_t i = k + 1; i < n; ++i) {
      const double m = __builtin_fabs(row[i]);
      if (m > largest) largest = m;
    }
    if (largest == 0) {
      off[k] = 0;
      continue;
    }
    // v = x ± ‖x‖·e₁ with x = row[k + 1 …] scaled against overflow; the sign avoids cancellation.
    double square = 0;
    for (size_t i = 0; i < stride; ++i) v[i] = 0;
    for (size_t i = k + 1; i < n; ++i) {
      v[i] = row[i] / largest;
      square += v[i] * v[i];
    }
    const double norm = __builtin_sqrt(square), lead = v[k + 1];
    off[k] = (lead > 0 ? -norm : norm) * largest;
    v[k + 1] = lead > 0 ? lead + norm : lead - norm;
    const double beta = 2 / (square - lead * lead + v[k + 1] * v[k + 1]);

    // G ← G − v·wᵀ − w·vᵀ with p = beta·G·v, w = p − (beta / 2 · p·v)·v, on the rows and columns past k.
    const size_t first = (k + 1) / kDoubles * kDoubles;
    multiplySymmetric(g, n, stride, first, k + 1, v, p);
    double along = 0;
    for (size_t i = k + 1; i < n; ++i) {
      p[i] *= beta;
      along += p[i] * v[i];
    }
    const double half = beta / 2 * along;
    for (size_t i = first; i <= k; ++i) p[i] = 0;
    for (size_t i = k + 1; i < n; ++i) p[i] -= half * v[i];
    for (size_t i = k + 1; i < n; ++i) {
      double* to = g + i * stride;
      const double vi = v[i], pi = p[i];
      for (size_t j = first; j < stride; j += kDoubles)
        storeReg(to + j, loadAs<RegDouble>(to + j) - vi * loadAs<RegDouble>(p + j) - pi * loadAs<RegDouble>(v + j));
    }
  }
  if (n >= 2) {
    diagonal[n - 2] = g[(n - 2) * stride + n - 2];
    off[n - 2] = g[(n - 2) * stride + n - 1];
  }
  diagonal[n - 1] = g[(n - 1) * stride + n - 1];
}

constexpr int kPoints = 8;  // at which one pass counts, per eigenvalue
constexpr int kPointRegs = kPoints / kDoubles;

/// Per lane, how many eigenvalues lie below x: the negative pivots of T − x.
void countBelow(const Tridiagonal& t, const double* x, int registers, int64_t* counts) {
  RegLong count[2 * kPointRegs] = {};
  RegDouble q[2 * kPointRegs], points[2 * kPointRegs];
  for (int r = 0; r < registers; ++r) {
    points[r] = loadAs<RegDouble>(x + r * kDoubles);
    q[r] = RegDouble{} + 1;
  }
  double square = 0;
  for (size_t i = 0; i < t.n; ++i) {
    for (int r = 0; r < registers; ++r) {
      q[r] = eigen::nextPivot(q[r], points[r], t.diagonal[i], square, t.tiny);
      count[r] -= q[r] < 0;
    }
    square = t.squares[i];
  }
  for (int r = 0; r < registers; ++r) storeReg(counts + r * kDoubles, count[r]);
}

/// Closes in on eigenvalue number `index` in ascending order: each pass counts at kPoints places inside the interval
/// and leaves a ninth of it.
struct Search {
  size_t index;
  Bracket interval;

  void place(double* points) const {
    for (int i = 0; i < kPoints; ++i) points[i] = interval.point(i, kPoints);
  }
  void narrow(const double* points, const int64_t* counts, double zero) {
    double low = interval.low, high = interval.high;
    for (int i = 0; i < kPoints; ++i)
      if (counts[i] <= static_cast<int64_t>(index)) low = points[i];
    for (int i = kPoints - 1; i >= 0; --i)
      if (counts[i] > static_cast<int64_t>(index)) high = points[i];
    interval.narrow(low, high, zero);
  }
};

/// Eigenvalues number a and b, in ascending order from 0. Two searches together hide the latency of the divisions.
struct Pair {
  double a, b;
};
Pair eigenvalues(const Tridiagonal& t, size_t a, size_t b) {
  Search searches[2] = {{.index = a, .interval = {.low = t.low, .high = t.high}},
                        {.index = b, .interval = {.low = t.low, .high = t.high}}};
  double points[2 * kPoints];
  int64_t counts[2 * kPoints];
  for (int pass = 0; pass < eigen::kMaxPasses && !(searches[0].interval.done && searches[1].interval.done); ++pass) {
    for (int s = 0; s < 2; ++s) searches[s].place(points + s * kPoints);
    countBelow(t, points, 2 * kPointRegs, counts);
    for (int s = 0; s < 2; ++s)
      if (!searches[s].interval.done) searches[s].narrow(points + s * kPoints, counts + s * kPoints, t.zero);
  }
  return {searches[0].interval.value(t.zero), searches[1].interval.value(t.zero)};
}

/// Largest over smallest magnitude among the eigenvalues: the smallest stands next to zero on either side.
double magnitudeRatio(const Tridiagonal& t) {
  const Pair ends = eigenvalues(t, 0, t.n - 1);
  const double largest = larger(__builtin_fabs(ends.a), __builtin_fabs(ends.b));
  const double zeros[kPoints] = {};
  int64_t below[kPoints];
  countBelow(t, zeros, kPointRegs, below);
  const size_t negative = static_cast<size_t>(below[0]);
  const Pair inner = eigenvalues(t, negative > 0 ? negative - 1 : 0, negative < t.n ? negative : t.n - 1);
  const double smallest = smaller(__builtin_fabs(inner.a), __builtin_fabs(inner.b));
  return smallest == 0 ? static_cast<double>(kInfinity) : largest / smallest;
}

}  // namespace

float gramRatio(const float* x, size_t rows, size_t columns, bool magnitude, float* scratch) {
  const size_t n = rows, stride = (n + 7) / 8 * 8;
  double* g = reinterpret_cast<double*>(scratch);
  double* diagonal = g + n * stride;
  double* off = diagonal + stride;
  double* work = off + stride;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = n; j < stride; ++j) g[i * stride + j] = 0;
  gram(x, n, columns, g, stride);
  for (size_t i = 0; i < n; ++i)
    if (!(g[i * stride + i] < 1e300)) return __builtin_nanf("");
  if (n == 1) return static_cast<float>(g[0] / g[0]);
  tridiagonalize(g, n, stride, diagonal, off, work, work + stride);

  double low = 0, high = 0, largestSquare = 0;
  for (size_t i = 0; i < n; ++i) {
    const double reach = (i > 0 ? __builtin_fabs(off[i - 1]) : 0) + (i + 1 < n ? __builtin_fabs(off[i]) : 0);
    low = i == 0 ? diagonal[i] - reach : smaller(low, diagonal[i] - reach);
    high = i == 0 ? diagonal[i] + reach : larger(high, diagonal[i] + reach);
  }
  for (size_t i = 0; i + 1 < n; ++i) {
    off[i] *= off[i];
    largestSquare = larger(largestSquare, off[i]);
  }
  off[n - 1] = 0;
  if (low == 0 && high == 0) return __builtin_nanf("");  // a zero matrix: 0 / 0
  const Tridiagonal t = eigen::tridiagonal(diagonal, off, n, low, high, largestSquare);
  if (magnitude) return static_cast<float>(magnitudeRatio(t));
  const Pair ends = eigenvalues(t, 0, n - 1);
  return ends.a == 0 ? kInfinity : static_cast<float>(ends.b / ends.a);
}

}  // namespace eznas::EZNAS_ISA::programs
