// The program kernels for matrices of every SIMD level against plain float64 loops: shapes of all kinds, special
// values, and what must hold exactly (singular matrices, nothing written past the end).
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "test/native/jacobi.h"
#include "test/native/program_check.h"

using namespace eznas;
using namespace eznas::check;

namespace {

void products() {
  Random random(6);
  const size_t sizes[] = {1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 33, 40};
  for (const size_t m : sizes)
    for (const size_t k : sizes)
      for (const size_t n : sizes) {
        MatmulShape shape{.m = m, .k = k, .n = n, .batch = {2, 1}, .strideA = {m * k, 0}, .strideB = {k * n, 0}};
        if (random.below(3) == 0) shape.strideA[0] = 0;
        if (random.below(3) == 0) shape.batch[1] = 2;
        const std::vector<float> a = randomValues(random, 2 * m * k, false), b = randomValues(random, 2 * k * n, false);
        const size_t count = shape.batch[0] * shape.batch[1];
        std::vector<float> c(count * m * n + 1, kGuard);
        kernels->matmul(a.data(), b.data(), c.data(), shape);
        bool right = c.back() == kGuard;
        for (size_t s = 0; s < count; ++s)
          for (size_t i = 0; i < m; ++i)
            for (size_t j = 0; j < n; ++j) {
              const float* from = a.data() + s / shape.batch[1] * shape.strideA[0];
              const float* other = b.data() + s / shape.batch[1] * shape.strideB[0];
              double want = 0, magnitude = 0;
              for (size_t p = 0; p < k; ++p) {
                const double t = static_cast<double>(from[i * k + p]) * other[p * n + j];
                want += t;
                magnitude += std::abs(t);
              }
              right =
                  right && std::abs(c[(s * m + i) * n + j] - want) <= 1.2e-7 * static_cast<double>(k + 1) * magnitude;
            }
        expect(right, level + " matmul " + std::to_string(m) + " x " + std::to_string(k) + " x " + std::to_string(n));
      }
}

/// det by LU with full pivoting in long double.
long double plainDeterminant(const float* x, size_t n) {
  std::vector<long double> a(x, x + n * n);
  long double det = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t row = k, column = k;
    for (size_t i = k; i < n; ++i)
      for (size_t j = k; j < n; ++j)
        if (std::abs(a[i * n + j]) > std::abs(a[row * n + column])) {
          row = i;
          column = j;
        }
    if (row != k) det = -det;
    if (column != k) det = -det;
    for (size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[row * n + j]);
    for (size_t i = 0; i < n; ++i) std::swap(a[i * n + k], a[i * n + column]);
    det *= a[k * n + k];
    for (size_t i = k + 1; i < n; ++i) {
      const long double factor = a[i * n + k] / a[k * n + k];
      for (size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return det;
}

/// det of a matrix of small integers, exactly (Bareiss).
double integerDeterminant(const float* x, size_t n) {
  std::vector<__int128_t> a(n * n);
  for (size_t i = 0; i < n * n; ++i) a[i] = static_cast<int>(x[i]);
  __int128_t previous = 1;
  int sign = 1;
  for (size_t k = 0; k + 1 < n; ++k) {
    size_t row = k;
    while (row < n && a[row * n + k] == 0) ++row;
    if (row == n) return 0;
    if (row != k) {
      sign = -sign;
      for (size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[row * n + j]);
    }
    for (size_t i = k + 1; i < n; ++i)
      for (size_t j = k + 1; j < n; ++j)
        a[i * n + j] = (a[i * n + j] * a[k * n + k] - a[i * n + k] * a[k * n + j]) / previous;
    previous = a[k * n + k];
  }
  return sign * static_cast<double>(a[n * n - 1]);
}

struct Determinants {
  std::vector<float> det, logdet;
};

Determinants determinantsOf(const std::vector<float>& x, size_t n) {
  const size_t count = x.size() / (n * n);
  Aligned scratch(determinantScratch(n));
  Determinants result{std::vector<float>(count), std::vector<float>(count)};
  kernels->determinants(x.data(), n, count, false, result.det.data(), scratch.data);
  kernels->determinants(x.data(), n, count, true, result.logdet.data(), scratch.data);
  expect(scratch.data[determinantScratch(n)] == kGuard, level + " determinants keep to their scratch");
  return result;
}

void expectDeterminants(const std::vector<float>& x, size_t n, const std::function<double(const float*)>& want,
                        const char* what) {
  const Determinants got = determinantsOf(x, n);
  const std::string name = std::string(what) + " " + std::to_string(n);
  for (size_t i = 0; i < got.det.size(); ++i) {
    const double det = want(x.data() + i * n * n);
    const float rounded = static_cast<float>(det);
    expectNear(got.det[i], rounded, std::abs(det) * 1e-6 + 1e-45, "det of " + name);
    const double logdet = std::isnan(det) || det < 0 ? 0 : std::log(det);
    expectNear(got.logdet[i], logdet, 1e-6 + 1e-6 * std::abs(logdet), "logdet of " + name);
  }
}

void determinants() {
  Random random(7);
  for (const size_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64, 65, 100})
    for (const size_t count : {1, 2, 7, 8, 9, 19}) {
      if (n > 40 && count > 2) continue;
      expectDeterminants(
          randomValues(random, n * n * count, false), n,
          [&](const float* x) { return static_cast<double>(plainDeterminant(x, n)); }, "random matrices");
    }
  // Matrices of −1, 0, 1: singular ones must give 0 exactly.
  for (const size_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12})
    for (const uint32_t zeros : {0, 1, 2}) {
      std::vector<float> x(n * n * 200);
      for (float& v : x) v = random.below(3) < zeros ? 0.0f : random.below(2) == 0 ? 1.0f : -1.0f;
      expectDeterminants(
          x, n, [&](const float* slice) { return integerDeterminant(slice, n); }, "sign matrices");
    }
  // Matrices with a zero row or column among others: which is which must not be mixed up.
  for (const size_t n : {4, 7, 8, 16, 17, 31, 32, 33, 50}) {
    std::vector<float> x = randomValues(random, n * n * 23, false);
    for (size_t s = 0; s < 23; ++s) {
      const uint32_t kind = random.below(4), at = random.below(static_cast<uint32_t>(n));
      for (size_t i = 0; i < n; ++i) {
        if (kind == 0) x[(s * n + at) * n + i] = i % 2 == 0 ? 0.0f : -0.0f;
        if (kind == 1) x[(s * n + i) * n + at] = 0;
      }
    }
    expectDeterminants(
        x, n, [&](const float* slice) { return static_cast<double>(plainDeterminant(slice, n)); }, "mixed matrices");
  }
  // Rank n − 1: the last row is a combination of two others, exactly so in float32.
  for (const size_t n : {3, 4, 8, 16, 32, 33, 70}) {
    std::vector<float> x(n * n * 5);
    for (float& v : x) v = std::round(random.normal() * 1000) / 64;
    for (size_t s = 0; s < 5; ++s)
      for (size_t j = 0; j < n; ++j) x[(s * n + n - 1) * n + j] = 2 * x[s * n * n + j] - 3 * x[(s * n + 1) * n + j];
    expectDeterminants(
        x, n, [](const float*) { return 0.0; }, "singular matrices");
  }
  // A tiny pivot that is no rounding error: triangular, rows of very different size.
  for (const size_t n : {4, 8, 16}) {
    std::vector<float> x(n * n, 0.0f);
    double want = 1;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < i; ++j) x[i * n + j] = 1e6f;
      x[i * n + i] = i % 2 == 0 ? 1e-6f : 2e5f;
      want *= x[i * n + i];
    }
    expectDeterminants(
        x, n, [&](const float*) { return want; }, "graded matrices");
  }
  // Far outside float32: Inf and 0, whose logarithms are finite.
  const std::vector<float> huge = {1e20f, 0, 0, 0, 0, 1e20f, 0, 0, 0, 0, 1e20f, 0, 0, 0, 0, 1e20f};
  std::vector<float> small = huge;
  for (float& v : small) v *= 1e-40f;
  expect(determinantsOf(huge, 4).det[0] == kInf && determinantsOf(small, 4).det[0] == 0, level + " det overflows");
  expectNear(determinantsOf(huge, 4).logdet[0], 80 * std::log(10.0), 1e-4, "logdet of a huge determinant");
  expectNear(determinantsOf(small, 4).logdet[0], -80 * std::log(10.0), 1e-4, "logdet of a tiny determinant");
  for (const size_t n : {1, 2, 3, 4, 8, 16, 33, 65}) {
    std::vector<float> x = randomValues(random, n * n, false);
    x[n * n / 2] = kNaN;
    expect(std::isnan(determinantsOf(x, n).det[0]) && determinantsOf(x, n).logdet[0] == 0, level + " det of NaN");
    determinantsOf(std::vector<float>(n * n, kInf), n);
    if (n > 1) {
      for (size_t i = 0; i < n; ++i) x[i] = 0;
      x[n * n - 1] = kInf;
      expect(std::isnan(determinantsOf(x, n).det[0]) && determinantsOf(x, n).logdet[0] == 0,
             level + " det of infinity beside zeros");
    }
    const Determinants zero = determinantsOf(std::vector<float>(n * n, 0.0f), n);
    expect(zero.det[0] == 0 && zero.logdet[0] == -kInf, level + " det of zeros");
  }
}

/// Eigenvalues of A·Aᵀ by cyclic Jacobi rotations, ascending.
std::vector<double> gramEigenvalues(const std::vector<float>& x, size_t rows) {
  const size_t columns = x.size() / rows;
  std::vector<double> g(rows * rows, 0.0);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j)
      for (size_t c = 0; c < columns; ++c)
        g[i * rows + j] += static_cast<double>(x[i * columns + c]) * x[j * columns + c];
  std::vector<double> values = symmetricEigenvalues(std::move(g), rows);
  std::sort(values.begin(), values.end());
  return values;
}

float ratioOf(const std::vector<float>& x, size_t rows) {
  Aligned scratch(gramScratch(rows));
  const float ratio = kernels->gramRatio(x.data(), rows, x.size() / rows, scratch.data);
  expect(scratch.data[gramScratch(rows)] == kGuard, level + " gramRatio keeps to its scratch");
  return ratio;
}

void eigenvalueRatios() {
  Random random(8);
  for (const size_t rows : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 70})
    for (const size_t columns : {rows, rows + 1, 2 * rows + 3, size_t{200}}) {
      if (columns < rows) continue;
      const std::vector<float> x = randomValues(random, rows * columns, false);
      const std::vector<double> values = gramEigenvalues(x, rows);
      const double want = values.back() / values.front();
      expectNear(ratioOf(x, rows), want, want * (1e-7 + 1e-13 * want),
                 "eigenvalue ratio of " + std::to_string(rows) + " x " + std::to_string(columns));
    }
  {
    for (const size_t rows : {2, 5, 16, 40}) {
      const std::string name = " eigenvalue ratio of " + std::to_string(rows) + " rows";
      expect(ratioOf(randomValues(random, rows * (rows - 1), false), rows) == kInf, level + name + ", rank-deficient");
      std::vector<float> diagonal(rows * rows, 0.0f);
      for (size_t i = 0; i < rows; ++i) diagonal[i * rows + i] = static_cast<float>(i + 2);
      expectNear(ratioOf(diagonal, rows), static_cast<double>((rows + 1) * (rows + 1)) / 4, 1e-4, name);
      diagonal.assign(rows * rows, 0.0f);
      expect(std::isnan(ratioOf(diagonal, rows)), level + name + ", zeros");
      diagonal[rows] = kNaN;
      expect(std::isnan(ratioOf(diagonal, rows)), level + name + ", NaN");
      diagonal[rows] = -kInf;
      expect(std::isnan(ratioOf(diagonal, rows)), level + name + ", Inf");
    }
    // What a reduction to tridiagonal form leaves of equal rows shrinks by rounding error after rounding error.
    for (size_t rows = 2; rows <= 40; ++rows)
      for (size_t columns = rows; columns <= 80; ++columns)
        expect(ratioOf(std::vector<float>(rows * columns, 1.0f), rows) == kInf,
               level + " eigenvalue ratio of ones, " + std::to_string(rows) + " x " + std::to_string(columns));
    expect(ratioOf({3e-30f, 1e-30f}, 1) == 1, level + " eigenvalue ratio of one row");
    expectNear(ratioOf({1e-20f, 0, 0, 2e-20f}, 2), 4, 1e-5, "eigenvalue ratio of tiny numbers");
    expectNear(ratioOf({1e30f, 0, 0, 2e30f}, 2), 4, 1e-5, "eigenvalue ratio of huge numbers");
  }
}

void softmaxes() {
  Random random(9);
  Aligned scratch(kSoftmaxScratch);
  for (const size_t outer : {1, 3})
    for (const size_t axis : {1, 2, 5, 16, 17, 40, 1500})
      for (const size_t inner : {1, 2, 3, 9, 15, 16, 17, 50}) {
        if (axis == 1500 && inner > 17) continue;
        const std::vector<float> x = randomValues(random, outer * axis * inner, false);
        std::vector<float> y(x.size() + 1, kGuard);
        kernels->softmax(x.data(), y.data(), outer, axis, inner, scratch.data);
        bool right = y.back() == kGuard && scratch.data[kSoftmaxScratch] == kGuard;
        for (size_t o = 0; o < outer; ++o)
          for (size_t j = 0; j < inner; ++j) {
            const auto at = [&](size_t i) { return (o * axis + i) * inner + j; };
            double sum = 0;
            for (size_t i = 0; i < axis; ++i) sum += std::exp(static_cast<double>(x[at(i)]));
            for (size_t i = 0; i < axis; ++i)
              right = right && std::abs(y[at(i)] * sum / std::exp(static_cast<double>(x[at(i)])) - 1) < 3e-6;
          }
        expect(right, level + " softmax " + std::to_string(axis) + " x " + std::to_string(inner));
      }
  for (const size_t inner : {1, 4, 20}) {
    // Positions 0 of the inner extent hold NaN, 1 (or all) Inf, and huge finite values must not overflow.
    std::vector<float> x(6 * inner, 1e30f), y(x.size());
    x[2 * inner] = kNaN;
    kernels->softmax(x.data(), y.data(), 1, 6, inner, scratch.data);
    for (size_t i = 0; i < 6; ++i) {
      expect(std::isnan(y[i * inner]), level + " softmax of NaN");
      if (inner > 1) expectNear(y[i * inner + 1], 1.0 / 6, 1e-7, "softmax of equal values");
    }
    x.assign(x.size(), -kInf);
    x[0] = 0;
    kernels->softmax(x.data(), y.data(), 1, 6, inner, scratch.data);
    expect(y[0] == 1 && y[inner] == 0, level + " softmax of -Inf");
  }
}

}  // namespace

int main() {
  return atEveryLevel("program_matrices_test", [] {
    products();
    determinants();
    eigenvalueRatios();
    softmaxes();
  });
}
