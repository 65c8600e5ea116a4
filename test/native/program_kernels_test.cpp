// The program kernels of every SIMD level but those for matrices against plain float64 loops: lengths around registers
// and tiles, special values, and what must hold exactly (nothing written past the end).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "test/native/program_check.h"

using namespace eznas;
using namespace eznas::check;

namespace {

// ---- elementwise ---------------------------------------------------------------------------------------------------

double positive(double x) { return x > 0 ? 1 : 0; }

/// The exact meaning of an elementwise operator, in float64.
double exact(Operator op, double a, double b = 0) {
  switch (op) {
    case Operator::add:
      return a + b;
    case Operator::sub:
      return a - b;
    case Operator::mul:
      return a * b;
    case Operator::lt:
      return a < b ? 1 : 0;
    case Operator::gt:
      return a > b ? 1 : 0;
    case Operator::eq:
      return a == b ? 1 : 0;
    case Operator::log:
      return a > 0 ? std::log(a) : std::isnan(a) ? a : 0;
    case Operator::abslog:
      return a == 0 ? 0 : std::abs(std::log(a));
    case Operator::abs:
      return std::abs(a);
    case Operator::square:
      return a * a;
    case Operator::exp:
      return std::exp(a);
    case Operator::relu:
      return std::isnan(a) ? a : std::max(a, 0.0);
    case Operator::sign:
      return positive(a) - positive(-a);
    case Operator::sigmoid:
      return a < 0 ? std::exp(a) / (1 + std::exp(a)) : 1 / (1 + std::exp(-a));
    case Operator::heaviside:
    case Operator::gt0:
      return positive(a);
    case Operator::lt0:
      return positive(-a);
    case Operator::reciprocal:
      return 1 / a;
    default:
      return std::nan("");
  }
}

/// Distance in units in the last place of float32 at `want`; 0 for equal specials, infinite for others.
double ulps(float got, double want) {
  const float rounded = static_cast<float>(want);
  if (std::isnan(rounded) || std::isinf(rounded)) {
    // One step short of overflow is within an ulp of it.
    if (std::isinf(rounded) && std::isfinite(got) && std::abs(want) < 3.4028236e38 * 1.0000002)
      return std::abs(std::abs(want) - std::abs(static_cast<double>(got))) / std::ldexp(1.0, 104);
    return same(got, rounded) ? 0 : kInf;
  }
  if (!std::isfinite(got)) return std::abs(want) > 3.4028234e38 ? 1 : kInf;
  const int exponent = want == 0 ? -149 : std::max(std::ilogb(want) - 23, -149);
  return std::abs(got - want) / std::ldexp(1.0, exponent);
}

double allowedUlps(Operator op) {
  switch (op) {
    case Operator::log:
    case Operator::abslog:
    case Operator::exp:
    case Operator::sigmoid:
      return 2;
    default:
      return 0.5;
  }
}

/// Every operator over all of float32: each 3001st bit pattern and all patterns around the special places.
void sweep() {
  std::vector<uint32_t> patterns;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 3001) patterns.push_back(static_cast<uint32_t>(bits));
  for (const float centre : {0.0f, 1.17549435e-38f, 1.0f, 0.70710678f, 1.41421356f, 88.722839f, 88.0f, 103.27893f,
                             103.972084f, 87.336548f, 0.34657359f, 17.0f, kInf, 3.4028235e38f}) {
    uint32_t bits;
    std::memcpy(&bits, &centre, sizeof bits);
    for (uint32_t d = 0; d < 400; ++d)
      for (const uint32_t signBit : {0u, 0x80000000u}) patterns.push_back((bits + d - 200) ^ signBit);
  }
  std::vector<float> x(patterns.size()), y(patterns.size());
  std::memcpy(x.data(), patterns.data(), x.size() * sizeof(float));
  for (int i = 0; i < kOperatorCount; ++i) {
    if (kernels->unary[i] == nullptr) continue;
    kernels->unary[i](y.data(), x.data(), x.size());
    const Operator op = static_cast<Operator>(i);
    double worst = 0;
    size_t at = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      const double error = ulps(y[k], exact(op, x[k]));
      if (error > worst) {
        worst = error;
        at = k;
      }
    }
    expect(worst <= allowedUlps(op), level + " " + kOperatorNames[i] + " is " + std::to_string(worst) + " ulp off at " +
                                         std::to_string(x[at]) + ": " + std::to_string(y[at]));
  }
}

/// Lengths from 0 over several registers, any alignment, in place or not, each form of two operands.
void lengths() {
  Random random(2);
  for (size_t n = 0; n <= 70; ++n) {
    const size_t shift = n % 5;
    const std::vector<float> a = randomValues(random, n + shift + 1, true),
                             b = randomValues(random, n + shift + 1, true);
    const float* x = a.data() + shift;
    const float* y = b.data() + shift;
    for (int i = 0; i < kOperatorCount; ++i) {
      const Operator op = static_cast<Operator>(i);
      const auto compare = [&](const std::function<void(float*)>& run, const std::function<double(size_t)>& want) {
        std::vector<float> out(n + 1, kGuard);
        run(out.data());
        bool right = out[n] == kGuard;
        for (size_t k = 0; k < n; ++k) right = right && ulps(out[k], want(k)) <= allowedUlps(op);
        expect(right, level + " " + kOperatorNames[i] + " on " + std::to_string(n) + " elements");
      };
      if (const ProgramKernels::Unary unary = kernels->unary[i]) {
        compare([&](float* out) { unary(out, x, n); }, [&](size_t k) { return exact(op, x[k]); });
        compare(
            [&](float* out) {
              std::copy(x, x + n, out);
              unary(out, out, n);
            },
            [&](size_t k) { return exact(op, x[k]); });
      }
      const ProgramKernels::BinaryRow& row = kernels->binary[i];
      if (row.vectors == nullptr) continue;
      compare([&](float* out) { row.vectors(out, x, y, n); }, [&](size_t k) { return exact(op, x[k], y[k]); });
      compare([&](float* out) { row.scalarRight(out, x, y, n); }, [&](size_t k) { return exact(op, x[k], y[0]); });
      compare([&](float* out) { row.scalarLeft(out, x, y, n); }, [&](size_t k) { return exact(op, x[0], y[k]); });
    }
    std::vector<float> out(n + 1, kGuard);
    kernels->normalize(out.data(), x, 0.25f, 2.0f, n);
    bool right = out[n] == kGuard;
    for (size_t k = 0; k < n; ++k) right = right && out[k] == (std::isnan(x[k]) ? 0 : (x[k] - 0.25f) / 2);
    expect(right, level + " normalize");
    kernels->normalize(out.data(), x, kNaN, 0.0f, n);
    expect(std::all_of(out.begin(), out.end() - 1, [](float v) { return v == 0; }), level + " normalize by NaN");
  }
}

void spreading() {
  Random random(3);
  const std::vector<float> x = randomValues(random, 200, false);
  const Broadcast cases[] = {
      {.sizes = {1, 1, 3, 40}, .strides = {0, 0, 0, 1}},   {.sizes = {1, 1, 40, 3}, .strides = {0, 0, 1, 0}},
      {.sizes = {2, 3, 4, 17}, .strides = {17, 0, 34, 1}}, {.sizes = {5, 2, 3, 16}, .strides = {3, 0, 1, 0}},
      {.sizes = {1, 1, 1, 100}, .strides = {0, 0, 0, 0}},
  };
  for (const Broadcast& b : cases) {
    std::vector<float> want;
    for (size_t i = 0; i < b.sizes[0]; ++i)
      for (size_t j = 0; j < b.sizes[1]; ++j)
        for (size_t k = 0; k < b.sizes[2]; ++k)
          for (size_t l = 0; l < b.sizes[3]; ++l)
            want.push_back(x[i * b.strides[0] + j * b.strides[1] + k * b.strides[2] + l * b.strides[3]]);
    for (const size_t begin : {size_t{0}, size_t{7}, want.size() / 2}) {
      const size_t n = want.size() - begin - begin / 7;
      std::vector<float> out(n + 1, kGuard);
      kernels->spread(out.data(), x.data(), b, begin, n);
      expect(std::equal(out.begin(), out.end() - 1, want.begin() + static_cast<ptrdiff_t>(begin)) && out[n] == kGuard,
             level + " spread");
    }
  }
}

// ---- reductions ----------------------------------------------------------------------------------------------------

void reductions() {
  Random random(4);
  for (const size_t n : {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 511, 1000, 1024}) {
    for (const bool special : {false, true}) {
      const std::vector<float> a = randomValues(random, n + 1, special), b = randomValues(random, n + 1, special);
      const auto one = [&](ProgramKernels::Reduce reduce, const std::function<double(double)>& term, const char* what) {
        ReductionSums sums;
        reduce(sums, a.data(), n);
        double want = 0, magnitude = 0;
        for (size_t k = 0; k < n; ++k) {
          want += term(a[k]);
          magnitude += std::abs(term(a[k]));
        }
        expectNear(ReductionSums::total(sums.first), want, 1e-14 * magnitude, std::string(what) + std::to_string(n));
      };
      one(
          kernels->sum, [](double x) { return x; }, "sum ");
      one(
          kernels->sumMagnitudes, [](double x) { return std::abs(x); }, "sumMagnitudes ");
      one(
          kernels->sumSquares, [](double x) { return x * x; }, "sumSquares ");

      ReductionSums sums;
      sums.shift = 0.75;
      kernels->moments(sums, a.data(), n);
      double first = 0, second = 0;
      for (size_t k = 0; k < n; ++k) {
        first += a[k] - 0.75;
        second += (a[k] - 0.75) * (a[k] - 0.75);
      }
      expectNear(ReductionSums::total(sums.first), first, 1e-12 * static_cast<double>(n), "moments, first");
      expectNear(ReductionSums::total(sums.second), second, 1e-14 * second, "moments, second");

      const auto pair = [&](const ProgramKernels::PairRow& row, const std::function<double(double, double)>& term,
                            double relative, const char* what) {
        for (int form = 0; form < 3; ++form) {
          ReductionSums pairSums;
          (form == 0 ? row.vectors : form == 1 ? row.scalarRight : row.scalarLeft)(pairSums, a.data(), b.data(), n);
          double want = 0, magnitude = 0;
          for (size_t k = 0; k < n; ++k) {
            const double t = term(form == 2 ? a[0] : a[k], form == 1 ? b[0] : b[k]);
            want += t;
            magnitude += std::abs(t) + 10;  // a term's own parts may cancel
          }
          expectNear(ReductionSums::total(pairSums.first), want, relative * magnitude, what);
        }
      };
      pair(
          kernels->hamming, [](double x, double y) { return positive(x) != positive(y) ? 1.0 : 0.0; }, 0, "hamming");
      // Terms are float32: a tolerance only where none is near overflow.
      if (!special)
        pair(
            kernels->divergence,
            [](double x, double y) {
              return (y == 0 ? 0 : y < 0 ? std::nan("") : y * std::log(y)) - y * x;
            },
            1e-6, "divergence");
    }
  }
  const float cases[][3] = {{1, 0, 0},  {kInf, 0, kNaN}, {kNaN, 0, kNaN},  {1, -1, kNaN},
                            {1, 1, -1}, {1, kNaN, kNaN}, {-kInf, 1, kInf}, {-2, 1, 2}};
  for (const auto& c : cases) {
    ReductionSums sums;
    kernels->divergence.vectors(sums, &c[0], &c[1], 1);
    expect(same(ReductionSums::total(sums.first), c[2]), level + " divergence of special values");
  }
  // Positive b, as a distribution has.
  std::vector<float> a = randomValues(random, 777, false), b = a;
  for (float& v : b) v = std::abs(v) < 0.5f ? 0 : std::abs(v);
  ReductionSums sums;
  kernels->divergence.vectors(sums, a.data(), b.data(), a.size());
  double want = 0, magnitude = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    const double t = (b[k] == 0 ? 0 : b[k] * std::log(static_cast<double>(b[k]))) - static_cast<double>(b[k]) * a[k];
    want += t;
    magnitude += std::abs(t);
  }
  expectNear(ReductionSums::total(sums.first), want, 1e-6 * magnitude, "divergence of a distribution");
}

void cosines() {
  Random random(5);
  for (const size_t rows : {1, 2, 5}) {
    for (const size_t length : {1, 7, 16, 33, 100}) {
      for (int repeats = 0; repeats < 16; ++repeats) {
        // Bits: a has one row, a has one element per row, and the same of b.
        const RowPairs shape{.rows = rows,
                             .length = length,
                             .rowStrideA = repeats & 1   ? 0
                                           : repeats & 2 ? 1
                                                         : length,
                             .rowStrideB = repeats & 4   ? 0
                                           : repeats & 8 ? 1
                                                         : length,
                             .strideA = repeats & 2 ? size_t{0} : 1,
                             .strideB = repeats & 8 ? size_t{0} : 1};
        const std::vector<float> a = randomValues(random, rows * length, false),
                                 b = randomValues(random, rows * length, false);
        double want = 0;
        for (size_t r = 0; r < rows; ++r) {
          double ab = 0, aa = 0, bb = 0;
          for (size_t k = 0; k < length; ++k) {
            const double x = a[r * shape.rowStrideA + k * shape.strideA],
                         y = b[r * shape.rowStrideB + k * shape.strideB];
            ab += x * y;
            aa += x * x;
            bb += y * y;
          }
          want += ab / (std::max(std::sqrt(aa), 1e-8) * std::max(std::sqrt(bb), 1e-8));
        }
        expectNear(kernels->cosine(a.data(), b.data(), shape), want, 1e-13 * static_cast<double>(rows), "cosine");
      }
    }
  }
  const float tiny[] = {1e-9f, 1e-9f, 1e-9f, 1e-9f}, ones[] = {1, 1, 1, 1}, zeros[] = {0, 0, 0, 0};
  const RowPairs row{.rows = 1, .length = 4, .rowStrideA = 4, .rowStrideB = 4, .strideA = 1, .strideB = 1};
  expectNear(kernels->cosine(tiny, ones, row), 0.2, 1e-7, "cosine below eps");
  expectNear(kernels->cosine(zeros, ones, row), 0, 0, "cosine of zeros");
}

}  // namespace

int main() {
  return atEveryLevel("program_kernels_test", [] {
    sweep();
    lengths();
    spreading();
    reductions();
    cosines();
  });
}
