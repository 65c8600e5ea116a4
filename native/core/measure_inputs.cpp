// Measures of the gradient of the summed logits with respect to the images.
#include <algorithm>
#include <cmath>
#include <map>

#include "native/core/measure_run.h"
#include "native/core/symmetric.h"

namespace eznas {
namespace {

constexpr double kOffset = 1e-5;
/// Classes above which epe-nas compares classes instead of adding them.
constexpr int kManyClasses = 100;

/// Images as rows.
struct Jacobian {
  const std::vector<float>& gradient;
  size_t columns;

  std::vector<double> rows(std::span<const size_t> images) const {
    std::vector<double> matrix;
    matrix.reserve(images.size() * columns);
    for (const size_t image : images)
      for (size_t k = 0; k < columns; ++k) matrix.push_back(gradient[image * columns + k]);
    return matrix;
  }
};

double jacobianCovariance(const Jacobian& jacobian, size_t batch) {
  std::vector<size_t> all(batch);
  for (size_t i = 0; i < batch; ++i) all[i] = i;
  double total = 0;
  const auto eigenvalues = symmetricEigenvalues(rowCorrelations(jacobian.rows(all), batch, jacobian.columns), batch);
  for (const double v : eigenvalues) total += std::log(v + kOffset) + 1 / (v + kOffset);
  return -total;
}

double classwise(const Jacobian& jacobian, std::span<const int32_t> labels, int classes) {
  std::map<int32_t, std::vector<size_t>> images;
  for (size_t i = 0; i < labels.size(); ++i) images[labels[i]].push_back(i);
  std::vector<double> scores;
  for (const auto& [label, members] : images) {
    double score = 0;
    for (const double r : rowCorrelations(jacobian.rows(members), members.size(), jacobian.columns))
      score += std::log(std::abs(r) + kOffset);
    scores.push_back(classes > kManyClasses ? score / static_cast<double>(members.size()) : score);
  }
  double total = 0;
  for (const double score : scores) {
    if (classes <= kManyClasses) {
      total += std::abs(score);
    } else {
      for (const double other : scores) total += std::abs(score - other) / static_cast<double>(scores.size());
    }
  }
  return total;
}

}  // namespace

void measureInputGradients(MeasureRun& run, SignPatterns* patterns) {
  const auto batch = static_cast<size_t>(run.minibatch().batch);
  GradientRun gradients(run, run.weights, run.minibatch().batch, {.allValues = patterns != nullptr});
  const std::vector<float>& found = gradients(run.images(), {}, patterns).input;
  const Jacobian jacobian{found, found.size() / batch};
  if (run.asks(Measure::jacobCov)) run.set(Measure::jacobCov, jacobianCovariance(jacobian, batch));
  if (run.asks(Measure::epeNas)) {
    const int classes = run.graph().nodes[static_cast<size_t>(run.graph().output)].shape.c;
    run.set(Measure::epeNas, classwise(jacobian, run.request.labels, classes));
  }
}

}  // namespace eznas
