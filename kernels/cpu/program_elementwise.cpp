// Elementwise operators of programs: one functor per operator, applied to vectors, or to a vector and a scalar.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// ln x for x > 0, 0 for x ≤ 0, NaN for NaN.
struct Log {
  Reg operator()(Reg x) const { return x <= 0.0f ? Reg{} : logReg(x); }
};
/// |ln x|, 0 for 0, NaN for x < 0.
struct AbsLog {
  Reg operator()(Reg x) const {
    const Reg magnitudes = x < 0.0f ? splat(__builtin_nanf("")) : magnitude(logReg(x));
    return x == 0.0f ? Reg{} : magnitudes;
  }
};
struct Abs {
  Reg operator()(Reg x) const { return magnitude(x); }
};
struct Square {
  Reg operator()(Reg x) const { return x * x; }
};
struct Exp {
  Reg operator()(Reg x) const { return expReg(x); }
};
struct Relu {
  Reg operator()(Reg x) const { return x < 0.0f ? Reg{} : x; }
};
/// −1, 0 or 1; 0 for NaN, as PyTorch's sign.
struct Sign {
  Reg operator()(Reg x) const { return oneWhere(x > 0.0f) - oneWhere(x < 0.0f); }
};
struct Sigmoid {
  Reg operator()(Reg x) const { return sigmoidReg(x); }
};
struct Positive {
  Reg operator()(Reg x) const { return oneWhere(x > 0.0f); }
};
struct Negative {
  Reg operator()(Reg x) const { return oneWhere(x < 0.0f); }
};
struct Reciprocal {
  Reg operator()(Reg x) const { return 1.0f / x; }
};

struct Add {
  Reg operator()(Reg a, Reg b) const { return a + b; }
};
struct Sub {
  Reg operator()(Reg a, Reg b) const { return a - b; }
};
struct Mul {
  Reg operator()(Reg a, Reg b) const { return a * b; }
};
struct Less {
  Reg operator()(Reg a, Reg b) const { return oneWhere(a < b); }
};
struct Greater {
  Reg operator()(Reg a, Reg b) const { return oneWhere(a > b); }
};
struct Equal {
  Reg operator()(Reg a, Reg b) const { return oneWhere(a == b); }
};

template <class F>
void mapVector(float* y, const float* x, size_t n) {
  const F f;
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, f(loadReg(x + i)));
  if (i < n) storePartial(y + i, f(loadPartial(x + i, n - i)), n - i);
}

template <class F>
void mapVectors(float* y, const float* a, const float* b, size_t n) {
  const F f;
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, f(loadReg(a + i), loadReg(b + i)));
  if (i < n) storePartial(y + i, f(loadPartial(a + i, n - i), loadPartial(b + i, n - i)), n - i);
}

template <class F>
void mapScalarRight(float* y, const float* a, const float* b, size_t n) {
  const F f;
  const Reg right = splat(*b);
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, f(loadReg(a + i), right));
  if (i < n) storePartial(y + i, f(loadPartial(a + i, n - i), right), n - i);
}

template <class F>
void mapScalarLeft(float* y, const float* a, const float* b, size_t n) {
  const F f;
  const Reg left = splat(*a);
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, f(left, loadReg(b + i)));
  if (i < n) storePartial(y + i, f(left, loadPartial(b + i, n - i)), n - i);
}

void normalize(float* y, const float* x, float mean, float std, size_t n) {
  const Reg means = splat(mean), deviations = splat(std);
  const auto f = [&](Reg v) {
    const Reg scaled = (v - means) / deviations;
    return scaled == scaled ? scaled : Reg{};
  };
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, f(loadReg(x + i)));
  if (i < n) storePartial(y + i, f(loadPartial(x + i, n - i)), n - i);
}

void copyRun(float* y, const float* x, size_t n) {
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, loadReg(x + i));
  if (i < n) storePartial(y + i, loadPartial(x + i, n - i), n - i);
}

void fillRun(float* y, float value, size_t n) {
  const Reg v = splat(value);
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) storeReg(y + i, v);
  if (i < n) storePartial(y + i, v, n - i);
}

void spread(float* y, const float* x, const Broadcast& b, size_t begin, size_t n) {
  size_t at[4];
  size_t rest = begin;
  for (int d = 3; d >= 0; --d) {
    at[d] = rest % b.sizes[d];
    rest /= b.sizes[d];
  }
  while (n > 0) {
    const size_t left = b.sizes[3] - at[3];
    const size_t run = left < n ? left : n;
    const float* from = x + at[0] * b.strides[0] + at[1] * b.strides[1] + at[2] * b.strides[2] + at[3] * b.strides[3];
    if (b.strides[3] == 0)
      fillRun(y, *from, run);
    else
      copyRun(y, from, run);
    y += run;
    n -= run;
    at[3] = 0;
    for (int d = 2; d >= 0; --d) {
      if (++at[d] < b.sizes[d]) break;
      at[d] = 0;
    }
  }
}

}  // namespace

void addElementwise(ProgramKernels& table) {
  const auto unary = [&](Operator op) -> ProgramKernels::Unary& { return table.unary[static_cast<int>(op)]; };
  const auto binary = [&]<class F>(Operator op, F) {
    table.binary[static_cast<int>(op)] = {mapVectors<F>, mapScalarRight<F>, mapScalarLeft<F>};
  };
  unary(Operator::log) = mapVector<Log>;
  unary(Operator::abslog) = mapVector<AbsLog>;
  unary(Operator::abs) = mapVector<Abs>;
  unary(Operator::square) = mapVector<Square>;
  unary(Operator::exp) = mapVector<Exp>;
  unary(Operator::relu) = mapVector<Relu>;
  unary(Operator::sign) = mapVector<Sign>;
  unary(Operator::sigmoid) = mapVector<Sigmoid>;
  unary(Operator::heaviside) = mapVector<Positive>;
  unary(Operator::gt0) = mapVector<Positive>;
  unary(Operator::lt0) = mapVector<Negative>;
  unary(Operator::reciprocal) = mapVector<Reciprocal>;
  binary(Operator::add, Add{});
  binary(Operator::sub, Sub{});
  binary(Operator::mul, Mul{});
  binary(Operator::lt, Less{});
  binary(Operator::gt, Greater{});
  binary(Operator::eq, Equal{});
  table.normalize = normalize;
  table.spread = spread;
}

}  // namespace eznas::EZNAS_ISA::programs
