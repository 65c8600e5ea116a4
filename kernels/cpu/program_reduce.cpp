// Reductions of programs: everything is summed in float64.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// Adds a register of partial sums to the lanes that last between calls.
[[gnu::always_inline]] inline void addLanes(double (&lanes)[8], RegDouble v) {
  storeReg(lanes, loadAs<RegDouble>(lanes) + v);
}

struct Identity {
  RegDouble operator()(RegDouble x) const { return x; }
};
struct Magnitude {
  RegDouble operator()(RegDouble x) const { return (RegDouble)((RegLong)x & 0x7fffffffffffffff); }
};
struct Squared {
  RegDouble operator()(RegDouble x) const { return x * x; }
};

/// Four independent sums hide the latency of addition.
template <class F>
void sumOf(ReductionSums& sums, const float* x, size_t n) {
  const F f;
  RegDouble s[4] = {};
  size_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth)
    for (int u = 0; u < 4; ++u) s[u] += f(loadDoubles(x + i + u * kDoubles));
  for (; i < n; i += kWidth) {
    const Reg v = i + kWidth <= n ? loadReg(x + i) : loadPartial(x + i, n - i);
    s[0] += f(lowerDoubles(v));
    s[1] += f(upperDoubles(v));
  }
  addLanes(sums.first, (s[0] + s[1]) + (s[2] + s[3]));
}

void moments(ReductionSums& sums, const float* x, size_t n) {
  const RegDouble shift = RegDouble{} + sums.shift;
  RegDouble s[2] = {}, squares[2] = {};
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth)
    for (int u = 0; u < 2; ++u) {
      const RegDouble d = loadDoubles(x + i + u * kDoubles) - shift;
      s[u] += d;
      squares[u] += d * d;
    }
  addLanes(sums.first, s[0] + s[1]);
  addLanes(sums.second, squares[0] + squares[1]);
  for (; i < n; ++i) {
    const double d = x[i] - sums.shift;
    sums.first[0] += d;
    sums.second[0] += d * d;
  }
}

/// Operands of a pair reduction: a vector, or one element for all places.
struct Vector {
  const float* p;
  explicit Vector(const float* from) : p(from) {}
  Reg full(size_t i) const { return loadReg(p + i); }
  Reg part(size_t i, size_t n) const { return loadPartial(p + i, n); }
};
struct Scalar {
  Reg value;
  explicit Scalar(const float* from) : value(splat(*from)) {}
  Reg full(size_t) const { return value; }
  Reg part(size_t, size_t) const { return value; }
};

template <class A, class B>
void hamming(ReductionSums& sums, const float* a, const float* b, size_t n) {
  const A left(a);
  const B right(b);
  RegInt count{};
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) count -= (left.full(i) > 0.0f) ^ (right.full(i) > 0.0f);
  if (i < n) count -= ((left.part(i, n - i) > 0.0f) ^ (right.part(i, n - i) > 0.0f)) & firstLanes(n - i);
  int64_t total = 0;
  for (int l = 0; l < kWidth; ++l) total += count[l];
  sums.first[0] += static_cast<double>(total);
}

/// b·ln b − b·a with 0·ln 0 = 0; NaN where b < 0, and where b = 0 and a is Inf or NaN, as in PyTorch.
[[gnu::always_inline]] inline Reg divergenceTerm(Reg a, Reg b) {
  const Reg entropy = b < 0.0f ? splat(__builtin_nanf("")) : b * logReg(b);
  return (b == 0.0f ? Reg{} : entropy) - b * a;
}

template <class A, class B>
void divergence(ReductionSums& sums, const float* a, const float* b, size_t n) {
  const A left(a);
  const B right(b);
  RegDouble low{}, high{};
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Reg term = divergenceTerm(left.full(i), right.full(i));
    low += lowerDoubles(term);
    high += upperDoubles(term);
  }
  if (i < n) {
    const Reg term = masked(divergenceTerm(left.part(i, n - i), right.part(i, n - i)), firstLanes(n - i));
    low += lowerDoubles(term);
    high += upperDoubles(term);
  }
  addLanes(sums.first, low + high);
}

/// a·b, a·a and b·b of one row.
struct Products {
  double ab, aa, bb;
};

template <class A, class B>
Products rowProducts(const float* a, const float* b, size_t n) {
  const A left(a);
  const B right(b);
  RegDouble ab[2] = {}, aa[2] = {}, bb[2] = {};
  const auto add = [&](Reg x, Reg y) {
    const RegDouble xs[2] = {lowerDoubles(x), upperDoubles(x)}, ys[2] = {lowerDoubles(y), upperDoubles(y)};
    for (int u = 0; u < 2; ++u) {
      ab[u] += xs[u] * ys[u];
      aa[u] += xs[u] * xs[u];
      bb[u] += ys[u] * ys[u];
    }
  };
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) add(left.full(i), right.full(i));
  if (i < n) add(masked(left.part(i, n - i), firstLanes(n - i)), masked(right.part(i, n - i), firstLanes(n - i)));
  return {lanesTotal(ab[0] + ab[1]), lanesTotal(aa[0] + aa[1]), lanesTotal(bb[0] + bb[1])};
}

double cosine(const float* a, const float* b, const RowPairs& shape) {
  const auto products = shape.strideA == 0
                            ? (shape.strideB == 0 ? rowProducts<Scalar, Scalar> : rowProducts<Scalar, Vector>)
                        : shape.strideB == 0 ? rowProducts<Vector, Scalar>
                                             : rowProducts<Vector, Vector>;
  constexpr double kEpsilon = 1e-8;
  double sum = 0;
  for (size_t row = 0; row < shape.rows; ++row) {
    const Products p = products(a + row * shape.rowStrideA, b + row * shape.rowStrideB, shape.length);
    const double normA = __builtin_sqrt(p.aa), normB = __builtin_sqrt(p.bb);
    sum += p.ab / ((normA < kEpsilon ? kEpsilon : normA) * (normB < kEpsilon ? kEpsilon : normB));
  }
  return sum;
}

}  // namespace

void addReductions(ProgramKernels& table) {
  table.sum = sumOf<Identity>;
  table.sumMagnitudes = sumOf<Magnitude>;
  table.sumSquares = sumOf<Squared>;
  table.moments = moments;
  table.hamming = {hamming<Vector, Vector>, hamming<Vector, Scalar>, hamming<Scalar, Vector>};
  table.divergence = {divergence<Vector, Vector>, divergence<Vector, Scalar>, divergence<Scalar, Vector>};
  table.cosine = cosine;
}

}  // namespace eznas::EZNAS_ISA::programs
