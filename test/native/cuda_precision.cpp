// What tensor cores' ten bits of mantissa change: scores of NAS-Bench-201 networks by both precisions of the device,
// with equal weights and inputs. Prints, per program, the largest and the median relative difference of scores, and
// Kendall's τ-b between the two rankings. Arguments: networks, batch, seed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels/operators.h"
#include "native/core/programs.h"
#include "native/cuda/device.h"
#include "native/cuda/network_runner.h"
#include "test/native/device_networks.h"
#include "test/native/nasbench_graph.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;

constexpr uint32_t word(Operator op) { return kOperatorWord + static_cast<uint32_t>(op); }

struct Named {
  const char* name;
  std::vector<uint32_t> code;
};
const std::vector<Named> kPrograms = {
    {"EZNAS-A: frobenius_norm(sigmoid(logdet(sign(T1GD))))",
     {kT1GD, word(Operator::sign), word(Operator::logdet), word(Operator::sigmoid), word(Operator::frobenius_norm)}},
    {"square(abs(frobenius_norm(T2N)))",
     {kT2N, word(Operator::frobenius_norm), word(Operator::abs), word(Operator::square)}},
    {"frobenius_norm(T4P)", {kT4P, word(Operator::frobenius_norm)}},
    {"frobenius_norm(T1GD)", {kT1GD, word(Operator::frobenius_norm)}},
    {"l1_norm(mul(T3, T3GD))", {kT3, kT3GD, word(Operator::mul), word(Operator::l1_norm)}},
};

double kendall(const std::vector<double>& a, const std::vector<double>& b) {
  double balance = 0, pairsA = 0, pairsB = 0;
  const auto sign = [](double v) { return v > 0 ? 1 : v < 0 ? -1 : 0; };
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
      balance += x * y, pairsA += x * x, pairsB += y * y;
    }
  return balance / std::sqrt(pairsA * pairsB);
}

}  // namespace

int main(int count, char** values) {
  const auto argument = [&](int i, const char* otherwise) {
    return std::strtoull(count > i ? values[i] : otherwise, nullptr, 10);
  };
  const size_t networks = argument(1, "50");
  CollectRequest request;
  request.minibatch.batch = static_cast<int>(argument(2, "4"));
  request.seed = argument(3, "1");
  request.minibatch.shape = {3, 32, 32};
  // Waves: smooth as images are, which noise is not.
  request.minibatch.data.resize(static_cast<size_t>(request.minibatch.batch) * 3 * 32 * 32);
  for (size_t i = 0; i < request.minibatch.data.size(); ++i) {
    const double x = static_cast<double>(i % 32), y = static_cast<double>(i / 32 % 32),
                 plane = static_cast<double>(i / 1024);
    request.minibatch.data[i] = static_cast<float>(std::sin(0.3 * x + plane) * std::cos(0.2 * y - 0.7 * plane) +
                                                   0.3 * std::sin(1.7 * x * y + plane));
  }
  uint64_t state = request.seed;
  for (size_t i = 0; i < networks; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    request.networks.push_back(
        {test::NasBenchGraph(test::cellOf(static_cast<int>((state >> 33) % 15625)), {}).graph(), i, {}});
  }
  std::vector<uint32_t> code, offsets{0};
  for (const Named& program : kPrograms) {
    code.insert(code.end(), program.code.begin(), program.code.end());
    offsets.push_back(static_cast<uint32_t>(code.size()));
  }
  const Population population(code, offsets);
  request.tensors = population.tensorsRead();

  Device& device = Device::get(0);
  Stream stream(device);
  std::vector<std::vector<double>> scores[2];
  for (const Precision precision : {Precision::float32, Precision::tf32}) {
    NetworkRunner runner(device, precision);
    auto& of = scores[precision == Precision::tf32 ? 1 : 0];
    of.resize(kPrograms.size());
    for (size_t i = 0; i < networks; ++i) {
      JobControl control;
      const ScoreMatrix matrix =
          evaluate(test::toHost(runner.run(request, i, i + 1, stream), stream), population, {}, control);
      for (size_t p = 0; p < kPrograms.size(); ++p) of[p].push_back(matrix.scores[p]);
    }
  }
  for (size_t p = 0; p < kPrograms.size(); ++p) {
    std::vector<double> exact, fast, differences;
    for (size_t i = 0; i < networks; ++i) {
      if (!std::isfinite(scores[0][p][i]) || !std::isfinite(scores[1][p][i])) continue;
      exact.push_back(scores[0][p][i]);
      fast.push_back(scores[1][p][i]);
      differences.push_back(std::abs(fast.back() - exact.back()) / std::max(std::abs(exact.back()), 1e-30));
    }
    std::sort(differences.begin(), differences.end());
    if (differences.empty()) continue;
    std::printf("%-56s %zu networks: difference %.2g median, %.2g at most; tau %.4f\n", kPrograms[p].name, exact.size(),
                differences[differences.size() / 2], differences.back(), kendall(exact, fast));
  }
  return 0;
}
