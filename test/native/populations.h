#pragma once
// Populations of random programs and networks of random statistics, for the tests of both backends.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "native/core/population.h"
#include "test/native/random_programs.h"

namespace eznas::check {

using Program = std::vector<uint32_t>;

inline Population populationOf(const std::vector<Program>& programs, bool share = true) {
  std::vector<uint32_t> code, offsets{0};
  for (const Program& program : programs) {
    code.insert(code.end(), program.begin(), program.end());
    offsets.push_back(static_cast<uint32_t>(code.size()));
  }
  return Population(code, offsets, share);
}

inline bool sameBits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(double)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  return true;
}

inline bool sameMatrix(const ScoreMatrix& a, const ScoreMatrix& b) {
  return a.status == b.status && a.unitOffsets == b.unitOffsets && sameBits(a.scores, b.scores) &&
         sameBits(a.unitScores, b.unitScores);
}

inline std::string text(const Program& program) {
  std::string s;
  for (const uint32_t w : program) {
    if (w < kOperatorWord) {
      s.append("t").append(std::to_string(w));
    } else {
      s.append(kOperatorNames[w - kOperatorWord]);
    }
    s.append(" ");
  }
  return s;
}

struct Networks {
  std::vector<RandomNetwork> storage;
  std::vector<NetworkStatistics> statistics;

  /// One network for each list of signatures.
  Networks(Random& random, const std::vector<std::vector<UnitShapes>>& units) {
    for (const std::vector<UnitShapes>& shapes : units) {
      RandomNetwork& network = storage.emplace_back();
      for (const UnitShapes& s : shapes) network.addUnit(random, s);
    }
    for (RandomNetwork& network : storage) statistics.push_back(std::move(network.statistics));
  }
};

inline std::vector<Program> randomPrograms(Random& random, int count, const std::vector<UnitShapes>& validOn) {
  std::vector<Program> programs;
  while (static_cast<int>(programs.size()) < count) {
    Program program = randomProgram(random, 0, 5);
    bool valid = true;
    for (const UnitShapes& shapes : validOn) valid = valid && isValid(program, shapes);
    if (valid) programs.push_back(std::move(program));
  }
  return programs;
}

/// A population whose programs are each other's subtrees and variants, long enough for many groups.
inline std::vector<Program> relatives(Random& random, const UnitShapes& shapes, int count) {
  std::vector<Program> programs = randomPrograms(random, count / 4, {shapes});
  while (static_cast<int>(programs.size()) < count) {
    Program child = programs[random.below(static_cast<uint32_t>(programs.size()))];
    const Program& other = programs[random.below(static_cast<uint32_t>(programs.size()))];
    if (random.below(2) == 0) {
      child.push_back(kOperatorWord + random.below(kOperatorCount));
      if (kArity[child.back() - kOperatorWord] == 2) child.insert(child.end() - 1, other.begin(), other.end());
    }
    if (child.size() < 60 && isValid(child, shapes)) programs.push_back(std::move(child));
  }
  return programs;
}

}  // namespace eznas::check
