#include "native/core/population.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "kernels/tensors.h"
#include "native/core/error.h"

namespace eznas {
namespace {

using DagNode = Population::Dag::Node;

constexpr int kArity[kOperatorCount] = {
#define X(name, arity) arity,
    EZNAS_OPERATORS(X)
#undef X
};

bool isCommutative(Operator op) {
  return op == Operator::add || op == Operator::mul || op == Operator::eq || op == Operator::hamming ||
         op == Operator::cosine;
}

/// Elements that words can name.
constexpr uint32_t kMostElements = uint32_t{1} << 24;

constexpr uint32_t wordOf(Operator op) { return kOperatorWord + static_cast<uint32_t>(op); }

/// The one spelling under which a value is stored.
DagNode canonical(DagNode node) {
  if (node.isTensor() || node.isElement()) return node;
  if (node.op() == Operator::heaviside) node.word = wordOf(Operator::gt0);
  if (node.op() == Operator::gt) {
    node.word = wordOf(Operator::lt);
    std::swap(node.a, node.b);
  }
  if (isCommutative(node.op()) && node.b < node.a) std::swap(node.a, node.b);
  return node;
}

struct NodeHash {
  size_t operator()(const DagNode& node) const {
    uint64_t h =
        (uint64_t{static_cast<uint32_t>(node.a)} << 32 | static_cast<uint32_t>(node.b)) ^ uint64_t { node.word } << 57;
    h = (h ^ (h >> 31)) * 0x9e3779b97f4a7c15u;
    return static_cast<size_t>(h ^ (h >> 29));
  }
};

class Builder {
 public:
  Builder(Population::Dag& dag, bool share) : dag_(dag), share_(share) {}

  void add(std::span<const uint32_t> code, size_t program) {
    stack_.clear();
    for (size_t i = 0; i < code.size(); ++i) {
      const uint32_t word = code[i];
      if (word < static_cast<uint32_t>(kTensorCount)) {
        dag_.tensors |= 1u << word;
        stack_.push_back(intern({.word = word}));
        continue;
      }
      const bool isElement = word >= kElementWord && word - kElementWord < kMostElements;
      if (!isElement && (word < kOperatorWord || word >= kOperatorWord + kOperatorCount))
        fail(program, i,
             "word " + std::to_string(word) + " names neither a tensor (0 to 21) nor an operator (64 to " +
                 std::to_string(kOperatorWord + kOperatorCount - 1) + ")");
      const size_t arity = isElement ? 1 : static_cast<size_t>(kArity[word - kOperatorWord]);
      if (stack_.size() < arity)
        fail(program, i,
             "the operator needs " + std::to_string(arity) + " operands, " + std::to_string(stack_.size()) +
                 " are there");
      DagNode node{.word = word};
      if (arity == 2) {
        node.b = stack_.back();
        stack_.pop_back();
      }
      node.a = stack_.back();
      stack_.back() = intern(node);
    }
    if (stack_.size() != 1)
      fail(program, code.size(), "a program must leave one value, this leaves " + std::to_string(stack_.size()));
    dag_.roots.push_back(stack_.front());
  }

 private:
  [[noreturn]] static void fail(size_t program, size_t position, const std::string& reason) {
    throw Error(code::kInvalidProgram,
                "program " + std::to_string(program) + ", word " + std::to_string(position) + ": " + reason);
  }

  int32_t intern(DagNode node) {
    node = canonical(node);
    const auto next = static_cast<int32_t>(dag_.nodes.size());
    if (share_) {
      const auto [found, isNew] = positions_.try_emplace(node, next);
      if (!isNew) return found->second;
    }
    dag_.nodes.push_back(node);
    return next;
  }

  Population::Dag& dag_;
  const bool share_;
  std::unordered_map<DagNode, int32_t, NodeHash> positions_;
  std::vector<int32_t> stack_;
};

}  // namespace

Population::Population(std::span<const uint32_t> code, std::span<const uint32_t> offsets, bool share)
    : dag_(std::make_unique<Dag>()) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != code.size())
    throw Error(code::kInvalidProgram,
                "the programs' offsets must run from 0 to the " + std::to_string(code.size()) + " words of their code");
  if (code.size() > static_cast<size_t>(INT32_MAX))
    throw Error(code::kTooLarge, "the population's code has " + std::to_string(code.size()) + " words, more than 2^31");
  Builder builder(*dag_, share);
  dag_->roots.reserve(offsets.size() - 1);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i] >= offsets[i + 1] || offsets[i + 1] > code.size())
      throw Error(code::kInvalidProgram,
                  "program " + std::to_string(i) + " has no words, or offsets that leave the code");
    builder.add(code.subspan(offsets[i], offsets[i + 1] - offsets[i]), i);
  }
}

Population::~Population() = default;
Population::Population(Population&&) noexcept = default;
size_t Population::size() const { return dag_->roots.size(); }
uint32_t Population::tensorsRead() const { return dag_->tensors; }
size_t Population::nodeCount() const { return dag_->nodes.size(); }
const Population::Dag& Population::dag() const { return *dag_; }

}  // namespace eznas
