#pragma once
// The NAS-Bench-201 network of a cell, as lib/spaces/nasbench201-network.ts builds it.
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "test/native/graph_words.h"

namespace eznas::test {

enum class CellOperation { none, skip, conv1, conv3, pool };
/// Operations of the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
using Cell = std::array<CellOperation, 6>;

/// Architecture `index` of 5⁶ = 15,625: its digits in base 5 are the edges' operations.
inline Cell cellOf(int index) {
  Cell cell{};
  for (CellOperation& operation : cell) {
    operation = static_cast<CellOperation>(index % 5);
    index /= 5;
  }
  return cell;
}

struct NasBenchSize {
  int resolution = 32, channels = 16, cells = 5, classes = 10;
};

class NasBenchGraph {
 public:
  NasBenchGraph(const Cell& cell, const NasBenchSize& size) : words_({3, size.resolution, size.resolution}) {
    int channels = size.channels;
    int node = words_.batchNorm(words_.conv(0, {.out = channels, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1}));
    for (int stage = 0; stage < 3; ++stage) {
      if (stage > 0) node = residualBlock(node, channels *= 2);
      for (int c = 0; c < size.cells; ++c) node = addCell(node, channels, cell);
    }
    words_.linear(words_.node(NodeKind::globalAvgPool, {words_.relu(words_.batchNorm(node))}), size.classes, 1);
  }
  Graph graph() const { return words_.graph(); }

 private:
  int residualBlock(int x, int channels) {
    GraphWords::Conv conv{
        .out = channels, .kernelH = 3, .kernelW = 3, .strideH = 2, .strideW = 2, .padH = 1, .padW = 1};
    const int first = words_.triple(x, conv);
    conv.strideH = conv.strideW = 1;
    const int second = words_.triple(first, conv);
    const int pooled = words_.node(NodeKind::avgPool, {x}, {2, 2, 2, 2, 0, 0, 1, 1});
    return words_.add({words_.conv(pooled, {.out = channels}), second});
  }

  int addCell(int x, int channels, const Cell& cell) {
    static constexpr std::array<std::pair<int, int>, 6> kEdges = {{{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}};
    std::array<int, 4> nodes{x, 0, 0, 0};
    for (int target = 1; target <= 3; ++target) {
      std::vector<int32_t> incoming;
      for (size_t e = 0; e < kEdges.size(); ++e) {
        if (kEdges[e].second != target || cell[e] == CellOperation::none) continue;
        const int from = nodes[static_cast<size_t>(kEdges[e].first)];
        switch (cell[e]) {
          case CellOperation::conv1:
            incoming.push_back(words_.triple(from, {.out = channels}));
            break;
          case CellOperation::conv3:
            incoming.push_back(
                words_.triple(from, {.out = channels, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1}));
            break;
          case CellOperation::pool:
            incoming.push_back(words_.node(NodeKind::avgPool, {from}, {3, 3, 1, 1, 1, 1, 0, 0}));
            break;
          default:
            incoming.push_back(from);
        }
      }
      nodes[static_cast<size_t>(target)] = incoming.empty() ? words_.zero(x) : words_.add(incoming);
    }
    return nodes[3];
  }

  GraphWords words_;
};

}  // namespace eznas::test
