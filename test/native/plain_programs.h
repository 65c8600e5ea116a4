#pragma once
// A program evaluated the plain way: one tensor per node, loops in float64, each value rounded to float32. Shape rules
// and operators are written out again, apart from the ones under test.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/operators.h"
#include "native/core/statistics.h"
#include "test/native/jacobi.h"
#include "test/native/random_programs.h"

namespace eznas::check {

struct Tensor {
  std::vector<int64_t> dims;
  std::vector<double> values;  // each a float32
};

/// Evaluates one program; nothing where an operator rejects its operands. `disturbance` moves every result of an
/// inexact operator by up to that fraction, to tell scores that rounding decides.
class PlainProgram {
 public:
  PlainProgram(const UnitStatistics& unit, double disturbance, uint64_t seed)
      : unit_(unit), disturbance_(disturbance), random_(seed) {}

  /// The mean of the root's elements.
  std::optional<double> score(const std::vector<uint32_t>& code) {
    std::vector<Tensor> stack;
    for (const uint32_t w : code) {
      if (w < kOperatorWord) {
        stack.push_back(leaf(static_cast<int>(w)));
        continue;
      }
      const Operator op = static_cast<Operator>(w - kOperatorWord);
      Tensor b;
      if (kArity[w - kOperatorWord] == 2) {
        b = std::move(stack.back());
        stack.pop_back();
      }
      std::optional<Tensor> result = apply(op, stack.back(), b);
      if (!result) return std::nullopt;
      stack.back() = std::move(*result);
    }
    return total(stack.front(), [](double x) { return x; }) / static_cast<double>(stack.front().values.size());
  }

 private:
  using Dims = std::vector<int64_t>;

  static int64_t count(const Dims& dims) {
    int64_t n = 1;
    for (const int64_t d : dims) n *= d;
    return n;
  }

  Tensor leaf(int tensor) const {
    const Shape& shape = unit_.shapes.of(tensor);
    const float* from = unit_.tensors[static_cast<size_t>(tensor)];
    return {Dims(shape.dims.begin(), shape.dims.begin() + shape.rank), {from, from + shape.numel()}};
  }

  /// Rounds an inexact result to float32, moved by the disturbance.
  double inexact(double x) {
    return static_cast<float>(disturbance_ == 0 ? x : x * (1 + disturbance_ * (2 * random_.uniform() - 1)));
  }
  static double rounded(double x) { return static_cast<float>(x); }

  template <class F>
  static double total(const Tensor& x, F term) {
    double sum = 0;
    for (const double v : x.values) sum += term(v);
    return sum;
  }
  template <class F>
  static Tensor map(const Tensor& x, F f) {
    Tensor y = x;
    for (double& v : y.values) v = f(v);
    return y;
  }
  static Tensor scalar(double x) { return {{}, {x}}; }
  static Tensor single(double x) { return {{1}, {x}}; }

  static std::optional<Dims> broadcast(Dims a, Dims b) {
    while (a.size() < b.size()) a.insert(a.begin(), 1);
    while (b.size() < a.size()) b.insert(b.begin(), 1);
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return std::nullopt;
      a[i] = a[i] == 1 ? b[i] : a[i];
    }
    return a;
  }
  /// Flat index in x of element `index` of a result of shape `to`.
  static size_t indexIn(const Dims& x, const Dims& to, int64_t index) {
    int64_t at = 0, stride = 1;
    for (size_t i = 0; i < to.size(); ++i) {
      const int64_t size = to[to.size() - 1 - i], position = index % size;
      index /= size;
      if (i >= x.size()) continue;
      const int64_t own = x[x.size() - 1 - i];
      at += own == 1 ? 0 : position * stride;
      stride *= own;
    }
    return static_cast<size_t>(at);
  }
  template <class F>
  static std::optional<Tensor> zip(const Tensor& a, const Tensor& b, F f) {
    const std::optional<Dims> dims = broadcast(a.dims, b.dims);
    if (!dims) return std::nullopt;
    Tensor y{*dims, std::vector<double>(static_cast<size_t>(count(*dims)))};
    for (int64_t i = 0; i < count(*dims); ++i)
      y.values[static_cast<size_t>(i)] = f(a.values[indexIn(a.dims, *dims, i)], b.values[indexIn(b.dims, *dims, i)]);
    return y;
  }

  std::optional<Tensor> matmul(Tensor a, Tensor b) {
    if (a.dims.empty()) a.dims = {1};
    if (b.dims.empty()) b.dims = {1};
    const bool rowVector = a.dims.size() == 1, columnVector = b.dims.size() == 1;
    if (rowVector) a.dims.insert(a.dims.begin(), 1);
    if (columnVector) b.dims.push_back(1);
    const int64_t m = a.dims[a.dims.size() - 2], k = a.dims.back(), n = b.dims.back();
    if (k != b.dims[b.dims.size() - 2]) return std::nullopt;
    const Dims batchA(a.dims.begin(), a.dims.end() - 2), batchB(b.dims.begin(), b.dims.end() - 2);
    const std::optional<Dims> batch = broadcast(batchA, batchB);
    if (!batch) return std::nullopt;
    Tensor y{*batch, {}};
    if (!rowVector) y.dims.push_back(m);
    if (!columnVector) y.dims.push_back(n);
    for (int64_t s = 0; s < count(*batch); ++s) {
      const double* left = a.values.data() + indexIn(batchA, *batch, s) * static_cast<size_t>(m * k);
      const double* right = b.values.data() + indexIn(batchB, *batch, s) * static_cast<size_t>(k * n);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t p = 0; p < k; ++p) sum += left[i * k + p] * right[p * n + j];
          y.values.push_back(inexact(sum));
        }
    }
    return y;
  }

  Tensor softmax(const Tensor& x) {
    const size_t rank = x.dims.size(), axis = rank == 2 || rank == 4 ? 1 : 0;
    int64_t inner = 1, size = 1;
    for (size_t i = 0; i < rank; ++i)
      if (i > axis)
        inner *= x.dims[i];
      else if (i == axis)
        size = x.dims[i];
    Tensor y = x;
    for (size_t start = 0; start < x.values.size(); start += static_cast<size_t>(size * inner))
      for (int64_t j = 0; j < inner; ++j) {
        const auto at = [&](int64_t i) { return start + static_cast<size_t>(i * inner + j); };
        double top = -INFINITY, sum = 0;
        for (int64_t i = 0; i < size; ++i) top = std::max(top, x.values[at(i)]);
        for (int64_t i = 0; i < size; ++i) sum += std::exp(x.values[at(i)] - top);
        for (int64_t i = 0; i < size; ++i) y.values[at(i)] = inexact(std::exp(x.values[at(i)] - top) / sum);
      }
    return y;
  }

  /// Gaussian elimination with full pivoting; what is left of a singular matrix by rounding is 0.
  static double determinant(std::vector<double> a, size_t n) {
    if (n == 1) return a[0];
    double det = 1, largest = 0;
    for (const double v : a) {
      if (!std::isfinite(v)) return std::nan("");
      largest = std::max(largest, std::abs(v));
    }
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
      if (std::abs(a[k * n + k]) <= 1e-12 * largest) return 0;
      det *= a[k * n + k];
      for (size_t i = k + 1; i < n; ++i) {
        const double factor = a[i * n + k] / a[k * n + k];
        for (size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      }
    }
    return det;
  }
  std::optional<Tensor> determinants(const Tensor& x, bool logarithm) {
    const size_t rank = x.dims.size();
    if (rank < 2 || x.dims[rank - 1] != x.dims[rank - 2]) return std::nullopt;
    const size_t n = static_cast<size_t>(x.dims.back());
    Tensor y{Dims(x.dims.begin(), x.dims.end() - 2), {}};
    for (size_t s = 0; s < x.values.size(); s += n * n) {
      const double det = determinant(
          {x.values.begin() + static_cast<ptrdiff_t>(s), x.values.begin() + static_cast<ptrdiff_t>(s + n * n)}, n);
      y.values.push_back(!logarithm ? inexact(det) : det > 0 ? inexact(std::log(det)) : det == 0 ? -INFINITY : 0);
    }
    return y;
  }

  static std::optional<Tensor> channelsFirst(const Tensor& x) {
    if (x.dims.size() < 2) return std::nullopt;
    Tensor y{x.dims, {}};
    std::swap(y.dims[0], y.dims[1]);
    const int64_t inner = count(x.dims) / (x.dims[0] * x.dims[1]);
    for (int64_t c = 0; c < x.dims[1]; ++c)
      for (int64_t b = 0; b < x.dims[0]; ++b)
        for (int64_t i = 0; i < inner; ++i)
          y.values.push_back(x.values[static_cast<size_t>((b * x.dims[1] + c) * inner + i)]);
    return y;
  }

  std::vector<double> gramOf(const Tensor& x, bool centered) {
    const size_t n = static_cast<size_t>(x.dims[0]), columns = x.values.size() / n;
    std::vector<double> g;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        double product = 0, meanI = 0, meanJ = 0;
        for (size_t c = 0; c < columns; ++c) {
          meanI += x.values[i * columns + c];
          meanJ += x.values[j * columns + c];
        }
        meanI /= static_cast<double>(columns);
        meanJ /= static_cast<double>(columns);
        if (!centered) meanI = meanJ = 0;
        for (size_t c = 0; c < columns; ++c)
          product += (x.values[i * columns + c] - meanI) * (x.values[j * columns + c] - meanJ);
        g.push_back(inexact(centered ? product / static_cast<double>(columns) : product));
      }
    return g;
  }

  std::optional<Tensor> logAbsDeterminants(const Tensor& x) {
    const size_t rank = x.dims.size();
    if (rank < 2 || x.dims[rank - 1] != x.dims[rank - 2]) return std::nullopt;
    const size_t n = static_cast<size_t>(x.dims.back());
    Tensor y{Dims(x.dims.begin(), x.dims.end() - 2), {}};
    for (size_t s = 0; s < x.values.size(); s += n * n) {
      std::vector<double> a(x.values.begin() + static_cast<ptrdiff_t>(s),
                            x.values.begin() + static_cast<ptrdiff_t>(s + n * n));
      double sum = 0;
      for (const double v : a)
        if (!std::isfinite(v)) sum = std::nan("");
      for (size_t i = 0; i < n; ++i) a[i * n + i] += 1e-6;
      // Full pivoting.
      for (size_t k = 0; k < n && !std::isnan(sum); ++k) {
        size_t row = k, column = k;
        for (size_t i = k; i < n; ++i)
          for (size_t j = k; j < n; ++j)
            if (std::abs(a[i * n + j]) > std::abs(a[row * n + column])) {
              row = i;
              column = j;
            }
        for (size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[row * n + j]);
        for (size_t i = 0; i < n; ++i) std::swap(a[i * n + k], a[i * n + column]);
        sum += std::log(std::abs(a[k * n + k]));
        if (a[k * n + k] == 0) break;
        for (size_t i = k + 1; i < n; ++i) {
          const double factor = a[i * n + k] / a[k * n + k];
          for (size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
        }
      }
      y.values.push_back(inexact(sum / static_cast<double>(n)));
    }
    return y;
  }

  /// Entropy, or effective number, of the eigenvalues of the Gram matrix of the rows.
  double spectrumOf(const Tensor& x, bool entropy) {
    std::vector<double> values = gramEigenvalues(x);
    double most = 0, sum = 0, result = 0;
    for (const double v : values) most += v;
    for (double& v : values) {
      if (v <= static_cast<double>(values.size()) * 0x1p-50 * most) v = 0;
      sum += v;
    }
    if (!(sum > 0)) return std::isnan(sum) ? sum : 0;
    for (const double v : values) {
      const double share = v / sum;
      if (entropy)
        result -= share > 0 ? share * std::log(share) : 0;
      else
        result += share * share;
    }
    return inexact(entropy ? std::max(result, 0.0) : 1 / result);
  }

  /// Eigenvalues of the Gram matrix of the rows, by Jacobi rotations; NaN where an element is not finite.
  static std::vector<double> gramEigenvalues(const Tensor& x) {
    const size_t n = static_cast<size_t>(x.dims[0]), columns = x.values.size() / n;
    std::vector<double> g(n * n, 0.0);
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        for (size_t c = 0; c < columns; ++c) g[i * n + j] += x.values[i * columns + c] * x.values[j * columns + c];
    for (const double v : g)
      if (!std::isfinite(v)) return std::vector<double>(n, std::nan(""));
    return symmetricEigenvalues(std::move(g), n);
  }

  /// Ratio of the extreme eigenvalues of the Gram matrix of the rows; Inf where rank-deficient.
  Tensor eigenvalueRatio(const Tensor& x) {
    if (x.dims.empty()) return single(0);
    const std::vector<double> values = gramEigenvalues(x);
    if (std::isnan(values[0])) return scalar(values[0]);
    const double low = *std::min_element(values.begin(), values.end());
    const double high = *std::max_element(values.begin(), values.end());
    if (high == 0) return scalar(std::nan(""));
    return scalar(low <= static_cast<double>(values.size()) * 0x1p-50 * high ? INFINITY : inexact(high / low));
  }

  Tensor normalize(const Tensor& x) {
    const double n = static_cast<double>(x.values.size());
    const double mean = total(x, [](double v) { return v; }) / n;
    const double variance = total(x, [&](double v) { return (v - mean) * (v - mean); }) / (n - 1);
    const double roundedMean = rounded(mean), deviation = rounded(std::sqrt(variance));
    return map(x, [&](double v) {
      const double scaled = inexact((v - roundedMean) / deviation);
      return std::isnan(scaled) ? 0 : scaled;
    });
  }

  std::optional<Tensor> cosine(const Tensor& a, const Tensor& b) {
    if (a.dims.empty() || b.dims.empty()) return single(0);
    const Dims rowsA{a.dims[0], count(a.dims) / a.dims[0]}, rowsB{b.dims[0], count(b.dims) / b.dims[0]};
    const std::optional<Dims> rows = broadcast(rowsA, rowsB);
    if (!rows) return std::nullopt;
    double sum = 0;
    for (int64_t r = 0; r < (*rows)[0]; ++r) {
      double ab = 0, aa = 0, bb = 0;
      for (int64_t c = 0; c < (*rows)[1]; ++c) {
        const double x = a.values[indexIn(rowsA, *rows, r * (*rows)[1] + c)];
        const double y = b.values[indexIn(rowsB, *rows, r * (*rows)[1] + c)];
        ab += x * y;
        aa += x * x;
        bb += y * y;
      }
      const auto atLeast = [](double norm) { return norm < 1e-8 ? 1e-8 : norm; };
      sum += ab / (atLeast(std::sqrt(aa)) * atLeast(std::sqrt(bb)));
    }
    return scalar(inexact(sum));
  }

  std::optional<Tensor> apply(Operator op, const Tensor& a, const Tensor& b) {
    const double n = static_cast<double>(a.values.size());
    switch (op) {
      case Operator::add:
        return zip(a, b, [&](double x, double y) { return inexact(x + y); });
      case Operator::sub:
        return zip(a, b, [&](double x, double y) { return inexact(x - y); });
      case Operator::mul:
        return zip(a, b, [&](double x, double y) { return inexact(x * y); });
      case Operator::lt:
        return zip(a, b, [](double x, double y) { return x < y ? 1.0 : 0.0; });
      case Operator::gt:
        return zip(a, b, [](double x, double y) { return x > y ? 1.0 : 0.0; });
      case Operator::eq:
        return zip(a, b, [](double x, double y) { return x == y ? 1.0 : 0.0; });
      case Operator::matmul:
        return matmul(a, b);
      case Operator::log:
        return map(a, [&](double x) { return x > 0 ? inexact(std::log(x)) : std::isnan(x) ? x : 0; });
      case Operator::abslog:
        return map(a, [&](double x) { return x == 0 ? 0 : inexact(std::abs(std::log(x))); });
      case Operator::abs:
        return map(a, [](double x) { return std::abs(x); });
      case Operator::square:
        return map(a, [&](double x) { return inexact(x * x); });
      case Operator::exp:
        return map(a, [&](double x) { return inexact(std::exp(x)); });
      case Operator::relu:
        return map(a, [](double x) { return std::isnan(x) ? x : std::max(x, 0.0); });
      case Operator::sign:
        return map(a, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; });
      case Operator::sigmoid:
        return map(a,
                   [&](double x) { return inexact(x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x))); });
      case Operator::normalize:
        return normalize(a);
      case Operator::heaviside:
      case Operator::gt0:
        return map(a, [](double x) { return x > 0 ? 1.0 : 0.0; });
      case Operator::lt0:
        return map(a, [](double x) { return x < 0 ? 1.0 : 0.0; });
      case Operator::reciprocal:
        return map(a, [&](double x) { return inexact(1 / x); });
      case Operator::softmax:
        return softmax(a);
      case Operator::ones_like:
        return map(a, [](double) { return 1.0; });
      case Operator::zeros_like:
        return map(a, [](double) { return 0.0; });
      case Operator::frobenius_norm:
        return scalar(inexact(std::sqrt(total(a, [](double x) { return x * x; }))));
      case Operator::l1_norm:
        return scalar(inexact(total(a, [](double x) { return std::abs(x); }) / n));
      case Operator::mean:
        return scalar(inexact(total(a, [](double x) { return x; }) / n));
      case Operator::numel:
        return single(n);
      case Operator::det:
      case Operator::logdet:
        return determinants(a, op == Operator::logdet);
      case Operator::symeig_ratio:
      case Operator::eig_ratio:
        return eigenvalueRatio(a);
      case Operator::hamming: {
        const size_t x = a.values.size(), y = b.values.size();
        if (x != y && x != 1 && y != 1) return std::nullopt;
        double places = 0;
        for (size_t i = 0; i < std::max(x, y); ++i)
          places += (a.values[x == 1 ? 0 : i] > 0) != (b.values[y == 1 ? 0 : i] > 0) ? 1 : 0;
        return scalar(places);
      }
      case Operator::kl_div: {
        const std::optional<Tensor> terms = zip(a, b, [&](double x, double y) {
          return inexact((y == 0 ? 0 : y < 0 ? std::nan("") : y * std::log(y)) - y * x);
        });
        if (!terms) return std::nullopt;
        const double divisor = a.dims.empty() ? 1 : static_cast<double>(a.dims[0]);
        return scalar(inexact(total(*terms, [](double x) { return x; }) / divisor));
      }
      case Operator::cosine:
        return cosine(a, b);
      case Operator::channels_first:
        return channelsFirst(a);
      case Operator::flatten:
        if (a.dims.empty()) return std::nullopt;
        return Tensor{{a.dims[0], count(a.dims) / a.dims[0]}, a.values};
      case Operator::gram:
      case Operator::covariance:
        if (a.dims.empty()) return std::nullopt;
        return Tensor{{a.dims[0], a.dims[0]}, gramOf(a, op == Operator::covariance)};
      case Operator::logabsdet:
        return logAbsDeterminants(a);
      case Operator::spectral_entropy:
      case Operator::participation_ratio:
        if (a.dims.empty()) return std::nullopt;
        return scalar(spectrumOf(a, op == Operator::spectral_entropy));
      case Operator::std: {
        const double mean = total(a, [](double x) { return x; }) / n;
        return scalar(inexact(std::sqrt(total(a, [&](double x) { return (x - mean) * (x - mean); }) / (n - 1))));
      }
      case Operator::min:
      case Operator::max: {
        double best = a.values[0];
        for (const double x : a.values)
          if (std::isnan(x) || (op == Operator::min ? x < best : x > best)) best = x;
        return scalar(best);
      }
      case Operator::count_nonzero:
        return scalar(rounded(total(a, [](double x) { return x != 0 ? 1.0 : 0.0; })));
    }
    return std::nullopt;
  }

  const UnitStatistics& unit_;
  const double disturbance_;
  Random random_;
};

}  // namespace eznas::check
