// Decoding graphs from untrusted words: shapes by PyTorch's rules, the parameter list, and every way a graph can be
// wrong.
#include <cstdint>
#include <limits>
#include <vector>

#include "test/native/expect.h"
#include "test/native/graph_words.h"

using namespace eznas;
using test::expect;
using test::expectError;
using test::GraphWords;

namespace {

constexpr int32_t kMax = std::numeric_limits<int32_t>::max(), kMin = std::numeric_limits<int32_t>::min();

void expectShape(const GraphWords& g, SampleShape shape, const char* what) {
  expect(g.graph().nodes.back().shape == shape, what);
}

/// Decoding a graph made by `build` on a 3×8×10 input must fail.
template <class Build, class... Fragments>
void expectInvalid(Build build, Fragments... fragments) {
  GraphWords g({3, 8, 10});
  build(g);
  expectError(
      code::kInvalidGraph, [&] { g.graph(); }, fragments...);
}

void shapes() {
  const auto on = [](SampleShape input, auto build) {
    GraphWords g(input);
    build(g);
    return g;
  };
  expectShape(
      on({3, 8, 10}, [](GraphWords& g) { g.conv(0, {.out = 5, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1}); }),
      {5, 8, 10}, "same convolution");
  expectShape(on({4, 8, 10},
                 [](GraphWords& g) {
                   g.conv(0, {.out = 6,
                              .kernelH = 3,
                              .kernelW = 5,
                              .strideH = 2,
                              .strideW = 3,
                              .padH = 2,
                              .padW = 1,
                              .dilationH = 2,
                              .dilationW = 1,
                              .groups = 2});
                 }),
              {6, 4, 3}, "strided, dilated, grouped convolution");
  // torch.nn.MaxPool2d(3, 2, 1, ceil_mode=…) and (2, 2, ceil_mode=…) on 5×6 and 7×7 inputs.
  expectShape(on({2, 5, 6},
                 [](GraphWords& g) {
                   g.node(NodeKind::maxPool, {0}, {3, 3, 2, 2, 1, 1, 0});
                 }),
              {2, 3, 3}, "floor");
  expectShape(on({2, 5, 6},
                 [](GraphWords& g) {
                   g.node(NodeKind::maxPool, {0}, {3, 3, 2, 2, 1, 1, 1});
                 }),
              {2, 3, 4}, "ceil");
  expectShape(on({2, 7, 7},
                 [](GraphWords& g) {
                   g.node(NodeKind::avgPool, {0}, {2, 2, 2, 2, 0, 0, 1, 1});
                 }),
              {2, 4, 4}, "ceil");
  // The last window would start in the right padding alone, and is dropped.
  expectShape(on({2, 3, 3},
                 [](GraphWords& g) {
                   g.node(NodeKind::avgPool, {0}, {2, 2, 2, 2, 1, 1, 1, 1});
                 }),
              {2, 2, 2}, "a window of padding alone");
  expectShape(on({2, 7, 6}, [](GraphWords& g) { g.zero(0, 2); }), {2, 4, 3}, "zero rounds up");
  expectShape(on({2, 7, 6}, [](GraphWords& g) { g.node(NodeKind::concat, {0, 0, 0}); }), {6, 7, 6}, "concat");
  expectShape(on({2, 7, 6}, [](GraphWords& g) { g.node(NodeKind::slice, {0}, {2, 1, 7}); }), {2, 6, 6}, "slice");
  expectShape(on({2, 7, 6}, [](GraphWords& g) { g.node(NodeKind::globalAvgPool, {0}); }), {2, 1, 1}, "global pool");
  expectShape(on({2, 7, 6},
                 [](GraphWords& g) {
                   g.node(NodeKind::multiply, {0, g.node(NodeKind::globalAvgPool, {0})});
                 }),
              {2, 7, 6}, "multiply by channel");
  for (const NodeKind kind : {NodeKind::relu6, NodeKind::hardSwish, NodeKind::hardSigmoid, NodeKind::sigmoid})
    expectShape(on({2, 7, 6}, [kind](GraphWords& g) { g.node(kind, {0}); }), {2, 7, 6}, kindName(kind));
  expectShape(on({2, 7, 6}, [](GraphWords& g) { g.linear(0, 9, 0); }), {9, 1, 1}, "linear");
}

void parameters() {
  GraphWords g({4, 5, 5});
  const int a = g.conv(0, {.out = 6, .kernelH = 3, .kernelW = 1, .groups = 2, .bias = 1});
  g.linear(g.batchNorm(a), 7, 1);
  const Graph graph = g.graph();
  const std::vector<std::vector<int>> wanted = {{6, 2, 3, 1}, {6}, {7, 6 * 3 * 5}, {7}};
  expect(graph.parameters.size() == wanted.size(), "batch normalization has no parameter in the list");
  for (size_t p = 0; p < wanted.size() && p < graph.parameters.size(); ++p) {
    size_t size = 1;
    for (const int extent : wanted[p]) size *= static_cast<size_t>(extent);
    expect(graph.parameters[p].shape == wanted[p] && graph.parameters[p].size == size, "parameter shape");
    expect((graph.parameters[p].role == Parameter::Role::bias) == (p % 2 == 1), "weight before bias");
  }
  GraphWords scaled({4, 5, 5});
  scaled.linear(scaled.batchNorm(0, true), 7, 0);
  const std::vector<Parameter> own = scaled.graph().parameters;
  expect(own.size() == 3 && own[0].role == Parameter::Role::scale && own[1].role == Parameter::Role::shift &&
             own[0].size == 4 && own[1].size == 4 && own[2].role == Parameter::Role::weight,
         "scale and shift of a normalization that has its own");
}

void invalidNodes() {
  const GraphWords::Conv plain{.out = 2};
  expectInvalid([](GraphWords& g) { g.relu(1); }, "node 1 (relu)", "node 1;", "earlier");
  expectInvalid([](GraphWords& g) { g.relu(-1); }, "node 1 (relu)", "node -1");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::input, {}); }, "node 1 (input)");
  expectInvalid([](GraphWords& g) { g.node(static_cast<NodeKind>(kNodeKindCount), {0}); }, "node 1", "18");
  expectInvalid([](GraphWords& g) { g.node(static_cast<NodeKind>(kMin), {0}); }, "node 1");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::relu, {0, 0}); }, "one input", "2");
  expectInvalid([](GraphWords& g) { g.add({}); }, "node 1 (add)", "one or more");
  expectInvalid([&](GraphWords& g) { g.add({0, g.conv(0, plain)}); }, "node 2 (add)", "3×8×10", "2×8×10");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::concat, {0, g.zero(0, 2)}); }, "concat", "3×4×5");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::multiply, {0}); }, "multiply", "two inputs", "1");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::multiply, {0, g.zero(0, 2)}); }, "multiply", "3×4×5", "3×1×1");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .groups = 2}); }, "groups", "3 input");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .groups = 3}); }, "groups", "4");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .kernelH = 5, .dilationH = 2}); }, "spans 9×1", "8×10");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .kernelH = 0}); }, "kernel height is 0");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .strideW = -1}); }, "stride is -1");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 4, .padH = kMax}); }, "padding");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 0}); }, "output channels is 0");
  expectInvalid([](GraphWords& g) { g.conv(0, {.out = 2, .bias = 2}); }, "bias is 2");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::maxPool, {0}, {3, 3, 1, 1, 2, 1, 0}); }, "padding 2×1", "half");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::avgPool, {0}, {9, 3, 1, 1, 0, 0, 0, 1}); }, "kernel 9×3", "8×10");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::slice, {0}, {1, 2, 4}); }, "end is 4");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::slice, {0}, {1, 2, 2}); }, "end is 2");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::slice, {0}, {0, 0, 1}); }, "axis is 0");
  expectInvalid([](GraphWords& g) { g.zero(0, 0); }, "stride is 0");
  expectInvalid([](GraphWords& g) { g.linear(0, -5, 0); }, "features is -5");
  expectInvalid([](GraphWords& g) { g.node(NodeKind::batchNorm, {0}, {3}); }, "batchNorm", "affine is 3");
}

void invalidUnits() {
  const GraphWords::Conv same{.out = 3};
  const auto wrong = [&](int convMember, int batchNormMember, auto... fragments) {
    expectInvalid(
        [&](GraphWords& g) {
          const int relu = g.relu(0), conv = g.conv(relu, same), bn = g.batchNorm(conv);
          g.unit(relu, convMember < 0 ? conv : convMember, batchNormMember < 0 ? bn : batchNormMember);
        },
        "unit 0", fragments...);
  };
  wrong(0, -1, "conv is node 0", "input");
  wrong(-1, 99, "batchNorm is node 99", "0 to 3");
  wrong(kMax, -1, "conv is node");
  expectInvalid(
      [&](GraphWords& g) {
        const int bn = g.batchNorm(0), conv = g.conv(bn, same), relu = g.relu(0);
        g.unit(relu, conv, bn);
      },
      "unit 0", "batchNorm is node 1, before its conv, node 2");
  expectInvalid(
      [&](GraphWords& g) {
        const int relu = g.relu(0), conv = g.conv(0, same), other = g.conv(0, same);
        g.unit(relu, conv, other);
      },
      "unit 0", "batchNorm is node 3, a conv2d");
}

void tooLarge() {
  const auto refuse = [](auto build, auto... fragments) {
    GraphWords g({64, 4096, 4096});
    build(g);
    expectError(
        code::kTooLarge, [&] { g.graph(); }, fragments...);
  };
  refuse([](GraphWords& g) { g.conv(0, {.out = 4096}); }, "node 1 (conv2d)", "4096×4096×4096");
  refuse([](GraphWords& g) { g.linear(0, 1000, 0); }, "node 1 (linear)", "weight");
  refuse([](GraphWords& g) { g.node(NodeKind::concat, {0, 0, 0}); }, "concat", "192×4096×4096");
  refuse([](GraphWords& g) { g.conv(0, {.out = 1, .padH = 60000, .padW = 60000}); }, "padded input");
  expectError(
      code::kTooLarge,
      [] {
        GraphWords({1, kMax, 1}).graph();
      },
      "node 0 (input)");
  expectError(
      code::kTooLarge,
      [] {
        decodeGraph(std::vector<int32_t>{1, 100'001, 0, 0, 1, 1, 1});
      },
      "100001");
  expectError(
      code::kTooLarge,
      [] {
        decodeGraph(std::vector<int32_t>{1, 1, kMax, 0, 1, 1, 1, 0, 0});
      },
      "100000");
}

/// A graph with every node kind and a unit.
std::vector<int32_t> everything() {
  GraphWords g({3, 8, 10});
  const int b = g.triple(0, {.out = 4, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1, .bias = 1});
  const int pool = g.node(NodeKind::maxPool, {b}, {3, 3, 1, 1, 1, 1, 0});
  const int average = g.node(NodeKind::avgPool, {b}, {3, 3, 1, 1, 1, 1, 0, 1});
  const int sum = g.add({pool, average, g.zero(b), g.node(NodeKind::identity, {b})});
  const int joined = g.node(NodeKind::concat, {sum, g.node(NodeKind::slice, {b}, {1, 1, 3})});
  const int last = g.linear(g.node(NodeKind::globalAvgPool, {joined}), 5, 1);
  return g.words(last);
}

void headerAndLength() {
  const std::vector<int32_t> whole = everything();
  expect(decodeGraph(whole).units.size() == 1, "the whole graph decodes");
  for (size_t length = 0; length < whole.size(); ++length)
    expectError(
        code::kInvalidGraph, [&] { decodeGraph(std::span(whole).first(length)); }, "truncated");
  const auto changed = [&](size_t word, int32_t value) {
    std::vector<int32_t> words = whole;
    words[word] = value;
    return words;
  };
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(changed(0, 2)); }, "version 2");
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(changed(1, 0)); }, "0 nodes");
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(changed(2, -1)); }, "-1 units");
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(changed(3, 99)); }, "output is node 99");
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(changed(5, 0)); }, "3×0×10");
  std::vector<int32_t> longer = whole;
  longer.push_back(0);
  expectError(
      code::kInvalidGraph, [&] { decodeGraph(longer); }, "follow the last unit");
}

/// Any words either decode or give a typed error; extreme values in each place, and random ones.
void anyWords() {
  const std::vector<int32_t> whole = everything();
  const int32_t values[] = {kMin, -1, 0, 1, 2, 7, 255, 65536, 1 << 20, 1 << 24, kMax};
  int decoded = 0;
  const auto attempt = [&](const std::vector<int32_t>& words) {
    try {
      decodeGraph(words);
      ++decoded;
    } catch (const Error&) {
      // Refused in the proper way.
    }
  };
  for (size_t word = 0; word < whole.size(); ++word) {
    for (const int32_t value : values) {
      std::vector<int32_t> words = whole;
      words[word] = value;
      attempt(words);
    }
  }
  uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<int32_t> words = whole;
    for (int change = 0; change < 3; ++change) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      words[(state >> 40) % words.size()] = static_cast<int32_t>(state >> 33) % 16;
    }
    attempt(words);
  }
  expect(decoded > 100, "some changed graphs still decode");
}

}  // namespace

int main() {
  shapes();
  parameters();
  invalidNodes();
  invalidUnits();
  tooLarge();
  headerAndLength();
  anyWords();
  return test::finish("graph_test");
}
