#pragma once
// Smallest and largest eigenvalue of a symmetric tridiagonal matrix without negative ones: multisection with Sturm
// counts, sped up by Newton's step p / p' of p(x) = det(T − x), which the pivots give too. Near an eigenvalue it is
// almost x − λ, so that the root of the line through its values at both ends of an interval is near λ, and the next
// points stand around it, closer and closer.
#include "kernels/cpu/program_math.h"
#include "kernels/eigenvalue_search.h"

namespace eznas::EZNAS_ISA::programs {

constexpr int kPoints = 8;  // at which one pass counts, per eigenvalue

/// What a pass finds at its points: eigenvalues below, and Newton's step (not always a number).
struct SturmSample {
  double points[2 * kPoints];
  int64_t counts[2 * kPoints];
  double steps[2 * kPoints];
};

/// Pivots q of T − x, one after the other, and the sum of their q' / q. Squares are at least t.tiny: a pivot of 0 is
/// followed by an infinite one, and no pivot is 0 / 0.
inline void sample(const eigen::Tridiagonal& t, SturmSample& s) {
  constexpr int kRegs = 2 * kPoints / kDoubles;
  RegLong count[kRegs] = {};
  RegDouble points[kRegs], inverse[kRegs], slope[kRegs] = {}, sum[kRegs] = {};
  for (int r = 0; r < kRegs; ++r) {
    points[r] = loadAs<RegDouble>(s.points + r * kDoubles);
    inverse[r] = RegDouble{} + 1;
  }
  double square = 0;
  for (size_t i = 0; i < t.n; ++i) {
    const RegDouble diagonal = spread(t.diagonal[i]), between = spread(square);
    for (int r = 0; r < kRegs; ++r) {
      const RegDouble quotient = between * inverse[r], q = (diagonal - points[r]) - quotient;
      count[r] -= (RegLong)q < 0;  // by the sign: −0 stands before +∞, 0 before −∞
      inverse[r] = 1.0 / q;
      slope[r] = (quotient * slope[r] - 1.0) * inverse[r];
      sum[r] += slope[r];
    }
    square = t.squares[i];
  }
  for (int r = 0; r < kRegs; ++r) {
    storeReg(s.counts + r * kDoubles, count[r]);
    storeReg(s.steps + r * kDoubles, 1.0 / sum[r]);
  }
}

/// An interval that closes in on eigenvalue number `index`.
struct EigenvalueSearch {
  int64_t index;
  double low, high;
  // Of the ends, where a pass had a point there.
  int64_t countLow = -1, countHigh = -1;
  double stepLow = 0, stepHigh = 0;
  bool around = false, done = false;

  void place(double* points) const {
    constexpr double kOffsets[kPoints / 2] = {0x1p-3, 0x1p-6, 0x1p-11, 0x1p-20};
    const double width = high - low;
    if (!around) {
      for (int i = 0; i < kPoints; ++i) points[i] = low + width * ((i + 1) / (kPoints + 1.0));
      return;
    }
    const double root = low + width * (stepLow / (stepLow - stepHigh));
    for (int i = 0; i < kPoints / 2; ++i) {
      points[i] = root - width * kOffsets[i];
      points[kPoints - 1 - i] = root + width * kOffsets[i];
    }
  }

  /// Takes the last point with too few eigenvalues below it and the first with enough.
  void narrow(const SturmSample& s, int from, double zero) {
    const double width = high - low;
    for (int i = from; i < from + kPoints; ++i) {
      if (s.counts[i] <= index && s.points[i] > low) {
        low = s.points[i];
        countLow = s.counts[i];
        stepLow = s.steps[i];
      } else if (s.counts[i] > index && s.points[i] < high) {
        high = s.points[i];
        countHigh = s.counts[i];
        stepHigh = s.steps[i];
      }
    }
    const double left = high - low, size = larger(__builtin_fabs(low), __builtin_fabs(high));
    done = left <= eigen::kPrecision * size || size <= zero || (!around && !(left < width));
    const bool alone = countLow == index && countHigh == index + 1;
    around = alone && stepLow < 0 && stepHigh > 0 && stepHigh - stepLow < static_cast<double>(kInfinity) &&
             (!around || left < width / 8);
  }

  double value(double zero) const {
    const double middle = low + (high - low) / 2;
    return middle <= zero ? 0 : middle;
  }
};

struct Extremes {
  double smallest, largest;
};

/// The smallest is 0 up to t.zero; the largest is not looked for then.
inline Extremes extremeEigenvalues(const eigen::Tridiagonal& t) {
  double least = t.diagonal[0], most = t.diagonal[0];
  for (size_t i = 1; i < t.n; ++i) {
    least = smaller(least, t.diagonal[i]);
    most = larger(most, t.diagonal[i]);
  }
  // No diagonal element is outside the spectrum.
  EigenvalueSearch first{.index = 0, .low = -t.zero, .high = least + t.zero};
  EigenvalueSearch last{.index = static_cast<int64_t>(t.n) - 1, .low = most - t.zero, .high = t.high};
  SturmSample s;
  // The smallest may be smaller by orders of magnitude.
  constexpr double kOrders[kPoints - 1] = {0x1p-20, 0x1p-10, 0x1p-5, 0x1p-3, 0x1p-2, 0x1p-1, 0.75};
  s.points[0] = t.zero;
  for (int i = 1; i < kPoints; ++i) s.points[i] = first.high * kOrders[i - 1];
  last.place(s.points + kPoints);
  for (int pass = 0; pass < eigen::kMaxPasses; ++pass) {
    sample(t, s);
    if (!first.done) first.narrow(s, 0, t.zero);
    if (!last.done) last.narrow(s, kPoints, t.zero);
    if (first.done && (last.done || first.value(t.zero) == 0)) break;
    first.place(s.points);
    last.place(s.points + kPoints);
  }
  return {first.value(t.zero), last.value(t.zero)};
}

}  // namespace eznas::EZNAS_ISA::programs
