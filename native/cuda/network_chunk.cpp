#include "native/cuda/network_chunk.h"

#include <algorithm>
#include <string>

#include "native/core/error.h"
#include "native/core/thread_pool.h"
#include "native/cuda/network_items.h"

namespace eznas::cuda {
namespace {

size_t aligned(size_t floats) { return (floats + 15) / 16 * 16; }

}  // namespace

NetworkChunk::NetworkChunk(const CollectRequest& request, size_t begin, size_t end,
                           const std::array<PassWants, 3>& wants, int threads)
    : request_(request), begin_(begin), end_(end), places_(end - begin) {
  for (size_t p = 0; p < wants.size(); ++p) {
    if (!wants[p].any()) continue;
    const auto same =
        std::find_if(sets_.begin(), sets_.end(), [&](const ProgramSet& s) { return s.wants == wants[p]; });
    setOf_[p] = static_cast<int>(same - sets_.begin());
    if (same == sets_.end()) sets_.push_back({wants[p], 0, std::vector<NetworkProgram>(size()), {}, {}});
    ++sets_[static_cast<size_t>(setOf_[p])].passes;
  }
  lower(threads);
  layOut();
}

void NetworkChunk::lower(int threads) {
  JobControl control;
  parallelFor(size(), threads, control, [&](size_t i, int) {
    try {
      for (ProgramSet& set : sets_) {
        const Plan plan(network(i).graph, set.wants);
        set.programs[i] = lowerNetwork(network(i).graph, plan, request_.minibatch.batch);
      }
    } catch (const Error& error) {
      throw Error(error.code(), "network " + std::to_string(begin_ + i) + ": " + error.what());
    }
  });
  for (ProgramSet& set : sets_)
    for (const NetworkProgram& program : set.programs) set.pointers.push_back(&program);
}

NetworkChunk::Part NetworkChunk::take(bool kept, size_t floats) {
  size_t& total = kept ? kept_ : scratch_;
  const Part part{kept, total, floats};
  total += aligned(floats);
  return part;
}

size_t NetworkChunk::inputFloats() const { return request_.minibatch.data.size(); }

void NetworkChunk::layOut() {
  size_t zeros = 0;
  bool recordsZeros = false;
  for (size_t i = 0; i < size(); ++i) {
    places_[i].parameters = take(keepsParameters(), ParameterLayout(network(i).graph).floats);
    for (const Pass pass : kPasses)
      if (runs(pass)) layOutRecorded(i, pass);
    // Recorded tensors that nothing writes are zeros.
    const std::vector<UnitShapes> shapes = unitShapes(network(i).graph, request_.minibatch.batch);
    for (const Pass pass : kPasses) {
      if (!runs(pass)) continue;
      const NetworkProgram& program = set(pass).programs[i];
      zeros = std::max(zeros, program.zeros);
      std::array<std::vector<uint8_t>, kKindCount> found;
      found.fill(std::vector<uint8_t>(shapes.size(), 0));
      for (const Record& record : program.records) found[record.kind][static_cast<size_t>(record.unit)] = 1;
      for (size_t kind = 0; kind < kKindCount; ++kind) {
        if ((request_.tensors >> tensorOf(kind, pass) & 1) == 0) continue;
        for (size_t u = 0; u < shapes.size(); ++u) {
          if (found[kind][u] != 0) continue;
          recordsZeros = true;
          zeros = std::max(zeros, static_cast<size_t>(shapes[u].of(tensorOf(kind, pass)).numel()));
        }
      }
    }
  }
  zeros_ = take(recordsZeros, zeros);

  // The rest is shared by the programs of all passes, which run one after another.
  const auto shared = [&](size_t NetworkProgram::*floats, size_t Places::*place) {
    size_t total = 0;
    for (size_t i = 0; i < size(); ++i) {
      places_[i].*place = total;
      size_t most = 0;
      for (const ProgramSet& s : sets_) most = std::max(most, s.programs[i].*floats);
      total += aligned(most);
    }
    return take(false, total);
  };
  arena_ = shared(&NetworkProgram::arena, &Places::arena);
  packed_ = shared(&NetworkProgram::packed, &Places::packed);
  counters_ = shared(&NetworkProgram::counters, &Places::counters);
  logits_ = shared(&NetworkProgram::logitFloats, &Places::logits);
  for (const Pass pass : kPasses)
    if (runs(pass)) inputs_[static_cast<size_t>(pass)] = take(false, inputFloats());
}

void NetworkChunk::layOutRecorded(size_t network, Pass pass) {
  const NetworkProgram& program = set(pass).programs[network];
  std::vector<Part>& parts = places_[network].recorded[static_cast<size_t>(pass)];
  parts.resize(program.buffers.size());
  // Tensors of pass D that only those of P need are kept aside.
  std::vector<uint8_t> kept(program.buffers.size(), 0);
  for (const Record& record : program.records)
    if ((request_.tensors >> tensorOf(record.kind, pass) & 1) != 0) kept[static_cast<size_t>(record.buffer)] = 1;
  for (size_t b = 0; b < program.buffers.size(); ++b)
    if (program.buffers[b].room == Room::recorded) parts[b] = take(kept[b] != 0, program.buffers[b].floats);
}

size_t NetworkChunk::tableBytes() const {
  size_t all = 0;
  for (const ProgramSet& s : sets_) {
    for (const NetworkProgram& program : s.programs) {
      for (const Step& step : program.packing) all += itemBytes(step.key.op);
      for (const Step& step : program.steps) all += itemBytes(step.key.op);
      all += program.terms.size() * sizeof(SumTerm);
    }
  }
  return all;
}

size_t NetworkChunk::logitOffset(size_t network, Pass pass) const {
  const NetworkProgram& program = set(pass).programs[network];
  return places_[network].logits + program.buffers[static_cast<size_t>(program.logits)].offset;
}

std::vector<NetworkAddresses> NetworkChunk::addresses(Pass pass, float* kept, float* scratch) const {
  std::vector<NetworkAddresses> all(size());
  const auto at = [&](const Part& part) { return (part.kept ? kept : scratch) + part.offset; };
  for (size_t i = 0; i < size(); ++i) {
    const Places& places = places_[i];
    const auto enter = [&](Room room, float* address) { all[i].rooms[static_cast<size_t>(room)] = address; };
    enter(Room::arena, at(arena_) + places.arena);
    enter(Room::parameters, at(places.parameters));
    enter(Room::packed, at(packed_) + places.packed);
    enter(Room::counters, at(counters_) + places.counters);
    enter(Room::input, at(input(pass)));
    enter(Room::zeros, at(zeros_));
    enter(Room::logits, at(logits_) + places.logits);
    for (const Part& part : places.recorded[static_cast<size_t>(pass)]) all[i].recorded.push_back(at(part));
  }
  return all;
}

}  // namespace eznas::cuda
