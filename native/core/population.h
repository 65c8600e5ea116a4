#pragma once
#include <cstdint>
#include <vector>

#include "kernels/operators.h"
#include "native/core/programs.h"

namespace eznas {

/// From this word on: element word − kElementWord, row by row, of the matrix below it, as a scalar. Whole values of
/// programs are read so, element by element; no program that is searched for has such words.
inline constexpr uint32_t kElementWord = uint32_t{1} << 31;

/// The programs of a population as one directed acyclic graph. Operands stand before their users. Spellings of the same
/// value are one: heaviside is stored as gt0, gt(a, b) as lt(b, a), and commutative operands in order of position.
struct Population::Dag {
  struct Node {
    uint32_t word = 0;       // of the program: a tensor below kOperatorWord, an element, else kOperatorWord + opcode
    int32_t a = -1, b = -1;  // positions of the operands
    bool isTensor() const { return word < kOperatorWord; }
    bool isElement() const { return word >= kElementWord; }
    uint32_t element() const { return word - kElementWord; }
    Operator op() const { return static_cast<Operator>(word - kOperatorWord); }
    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes;
  std::vector<int32_t> roots;  // per program
  uint32_t tensors = 0;        // bit mask of those read
};

}  // namespace eznas
