#include "native/cuda/chunk_run.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/random.h"
#include "native/core/weights.h"

namespace eznas::cuda {
namespace {

constexpr size_t kAlignment = 256;  // bytes
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

std::byte* ChunkRun::Cursor::take(size_t bytes) {
  std::byte* piece = at;
  at += aligned(bytes);
  return piece;
}

ChunkRun::ChunkRun(const CollectRequest& request, NetworkChunk& chunk, bool tf32, Staging& staging,
                   RetiredWork& retired, int threads, Stream& stream)
    : request_(request),
      chunk_(chunk),
      staging_(staging),
      retired_(retired),
      stream_(stream),
      threads_(threads),
      captured_(chunk.sets().size()) {
  for (ProgramSet& set : chunk.sets()) set.launches.emplace(set.pointers, request.minibatch.batch, tf32);
  kept_ = DeviceBuffer(stream, std::max<size_t>(chunk.keptFloats(), 1) * sizeof(float));
  scratch_ = DeviceBuffer(stream, std::max<size_t>(chunk.scratchFloats(), 1) * sizeof(float));
  const size_t bytes = hostBytes();
  tables_ = DeviceBuffer(stream, bytes);
  host_.at = staging.take(bytes);
  device_.at = tables_.as<std::byte>();

  for (const NetworkChunk::Part& part : {chunk.counters(), chunk.zeros()})
    if (part.floats > 0) stream.fill(at(part), 0, part.floats * sizeof(float));
  setParameters();
  setInputs();
  if (!normals_.empty()) {
    const Table table = takeTable(normals_.size() * sizeof(NormalItem));
    std::memcpy(table.host, normals_.data(), table.bytes);
    table.copy(stream);
    launchNormal(request.seed, reinterpret_cast<const NormalItem*>(table.device), static_cast<int>(normals_.size()),
                 normalTiles_, stream.get());
  }
  for (const ProgramSet& set : chunk.sets()) {
    Table table{nullptr, device_.take(set.launches->tableBytes()), set.launches->tableBytes()};
    setTables_.push_back(table);
  }
}

void ChunkRun::finish() {
  for (std::optional<CapturedWork>& work : captured_)
    if (work) retired_.add(std::exchange(work, std::nullopt).value(), stream_);
  staging_.release(stream_);
  finished_ = true;
}

ChunkRun::~ChunkRun() {
  if (finished_) return;
  // After an error: what was queued still reads page-locked memory. A device that failed runs nothing any more.
  cudaStreamSynchronize(stream_.get());
  cudaGetLastError();
}

/// Of everything that passes through page-locked memory; the device's tables need no more.
size_t ChunkRun::hostBytes() const {
  size_t bytes = aligned(normalCount() * sizeof(NormalItem)) + kAlignment;
  for (const Pass pass : kPasses) {
    if (!chunk_.runs(pass)) continue;
    bytes += aligned(chunk_.inputFloats() * sizeof(float)) + aligned(logitBytes());
    bytes += aligned(chunk_.set(pass).launches->tableBytes());
  }
  size_t records = 0;
  for (size_t i = 0; i < chunk_.size(); ++i) {
    if (!chunk_.network(i).parameters.empty())
      bytes += aligned(chunk_.parameters(i).floats * sizeof(float));
    else
      for (const Parameter& parameter : chunk_.network(i).graph.parameters)
        if (parameter.role == Parameter::Role::scale) bytes += aligned(parameter.size * sizeof(float));
    if (chunk_.runs(Pass::perturbed)) records += chunk_.set(Pass::perturbed).programs[i].records.size();
  }
  return bytes + aligned(records * sizeof(SubtractItem));
}

size_t ChunkRun::normalCount() const {
  size_t count = 2;
  for (size_t i = 0; i < chunk_.size(); ++i)
    if (chunk_.network(i).parameters.empty()) count += chunk_.network(i).graph.parameters.size();
  return count;
}

ChunkRun::Table ChunkRun::takeTable(size_t bytes) { return {host_.take(bytes), device_.take(bytes), bytes}; }

void ChunkRun::upload(float* to, const float* from, size_t floats) {
  std::byte* piece = host_.take(floats * sizeof(float));
  std::memcpy(piece, from, floats * sizeof(float));
  stream_.copyToDevice(to, piece, floats * sizeof(float));
}

void ChunkRun::draw(float* out, const float* base, uint64_t network, uint32_t tensor, float scale, size_t count) {
  normals_.push_back({out, base, network, static_cast<int64_t>(count), normalTiles_, tensor, scale});
  normalTiles_ += static_cast<int64_t>((count + kNormalTile - 1) / kNormalTile);
}

void ChunkRun::setParameters() {
  for (size_t i = 0; i < chunk_.size(); ++i) {
    const NetworkRequest& network = chunk_.network(i);
    const ParameterLayout layout(network.graph);
    float* const start = at(chunk_.parameters(i));
    if (network.parameters.empty()) {
      for (size_t p = 0; p < layout.offsets.size(); ++p) {
        const Parameter& parameter = network.graph.parameters[p];
        if (parameter.role == Parameter::Role::scale)
          upload(start + layout.offsets[p], std::vector<float>(parameter.size, 1.0f).data(), parameter.size);
        else
          draw(start + layout.offsets[p], nullptr, network.key, static_cast<uint32_t>(p),
               initialDeviation(network.graph, p), parameter.size);
      }
      continue;
    }
    if (layout.floats == 0) continue;
    auto* const piece = reinterpret_cast<float*>(host_.take(layout.floats * sizeof(float)));
    for (size_t p = 0; p < layout.offsets.size(); ++p)
      std::copy(network.parameters[p].begin(), network.parameters[p].end(), piece + layout.offsets[p]);
    stream_.copyToDevice(start, piece, layout.floats * sizeof(float));
  }
}

void ChunkRun::setInputs() {
  const Minibatch& minibatch = request_.minibatch;
  const size_t count = chunk_.inputFloats();
  float* const data = at(chunk_.input(Pass::data));
  if (chunk_.runs(Pass::data)) upload(data, minibatch.data.data(), count);
  if (chunk_.runs(Pass::noise)) {
    float* const noise = at(chunk_.input(Pass::noise));
    if (minibatch.noise.empty())
      draw(noise, nullptr, random::kInputKey, random::kNoiseTensor, 1.0f, count);
    else
      upload(noise, minibatch.noise.data(), count);
  }
  if (chunk_.runs(Pass::perturbed)) {
    float* const perturbed = at(chunk_.input(Pass::perturbed));
    if (minibatch.perturbed.empty())
      draw(perturbed, data, random::kInputKey, random::kPerturbationTensor, kPerturbation, count);
    else
      upload(perturbed, minibatch.perturbed.data(), count);
  }
}

void ChunkRun::runPass(Pass pass) {
  ProgramSet& set = chunk_.set(pass);
  const auto s = static_cast<size_t>(&set - chunk_.sets().data());
  Table table = setTables_[s];
  if (table.bytes > 0) {
    table.host = host_.take(table.bytes);
    set.launches->writeTable(chunk_.addresses(pass, kept_.as<float>(), scratch_.as<float>()), table.host, table.device,
                             threads_);
    table.copy(stream_);
  }
  // Sets share the room for packed weights.
  if (std::exchange(packed_, &set) != &set) set.launches->pack(table.device, stream_.get());
  const auto launchAll = [&] { set.launches->run(table.device, stream_.get()); };
  // The launches of equal passes differ in nothing but what the table holds.
  if (set.passes > 1 && !captured_[s]) captured_[s].emplace(stream_, launchAll);
  if (captured_[s]) {
    captured_[s]->start(stream_);
  } else {
    launchAll();
  }
  if (set.wants.logits) {
    logits_[static_cast<size_t>(pass)] = host_.take(logitBytes());
    stream_.copyToHost(logits_[static_cast<size_t>(pass)], at(chunk_.logits()), logitBytes());
  }
}

/// Tensors of pass P become differences to those of pass D.
void ChunkRun::subtractData() {
  std::vector<SubtractItem> items;
  int64_t tiles = 0;
  for (size_t i = 0; i < chunk_.size(); ++i) {
    const NetworkProgram& perturbed = chunk_.set(Pass::perturbed).programs[i];
    std::vector<std::array<int32_t, kKindCount>> data(chunk_.network(i).graph.units.size());
    for (auto& kinds : data) kinds.fill(-1);
    for (const Record& record : chunk_.set(Pass::data).programs[i].records)
      data[static_cast<size_t>(record.unit)][record.kind] = record.buffer;
    std::vector<uint8_t> done(perturbed.buffers.size(), 0);
    for (const Record& record : perturbed.records) {
      const int32_t base = data[static_cast<size_t>(record.unit)][record.kind];
      if (base < 0 || std::exchange(done[static_cast<size_t>(record.buffer)], 1) != 0) continue;
      const NetworkChunk::Part& part = chunk_.recorded(i, Pass::perturbed, record.buffer);
      items.push_back({at(part), at(chunk_.recorded(i, Pass::data, base)), static_cast<int64_t>(part.floats), tiles});
      tiles += static_cast<int64_t>((part.floats + kSubtractTile - 1) / kSubtractTile);
    }
  }
  if (items.empty()) return;
  const Table table = takeTable(items.size() * sizeof(SubtractItem));
  std::memcpy(table.host, items.data(), table.bytes);
  table.copy(stream_);
  launchSubtract(reinterpret_cast<const SubtractItem*>(table.device), static_cast<int>(items.size()), tiles,
                 stream_.get());
}

std::vector<std::array<std::vector<float>, 3>> ChunkRun::logits() {
  std::vector<std::array<std::vector<float>, 3>> all(chunk_.size());
  const bool any = std::any_of(logits_.begin(), logits_.end(), [](const std::byte* p) { return p != nullptr; });
  if (!any) return all;
  stream_.synchronize();
  for (const Pass pass : kPasses) {
    const auto* first = reinterpret_cast<const float*>(logits_[static_cast<size_t>(pass)]);
    if (first == nullptr) continue;
    for (size_t i = 0; i < chunk_.size(); ++i) {
      const NetworkProgram& program = chunk_.set(pass).programs[i];
      const float* from = first + chunk_.logitOffset(i, pass);
      all[i][static_cast<size_t>(pass)].assign(from,
                                               from + program.buffers[static_cast<size_t>(program.logits)].floats);
    }
  }
  return all;
}

std::vector<std::vector<UnitStatistics>> ChunkRun::statistics() const {
  std::vector<std::vector<UnitStatistics>> networks(chunk_.size());
  for (size_t i = 0; i < networks.size(); ++i) {
    const Graph& graph = chunk_.network(i).graph;
    for (const UnitShapes& shapes : unitShapes(graph, request_.minibatch.batch)) networks[i].push_back({shapes, {}});
    for (const Pass pass : kPasses) {
      if (!chunk_.runs(pass)) continue;
      const uint32_t kinds = kindsOf(request_.tensors, pass);
      for (size_t kind = 0; kind < kKindCount; ++kind)
        if ((kinds >> kind & 1) != 0)
          for (UnitStatistics& unit : networks[i])
            unit.tensors[static_cast<size_t>(tensorOf(kind, pass))] = at(chunk_.zeros());
      for (const Record& record : chunk_.set(pass).programs[i].records)
        if ((kinds >> record.kind & 1) != 0)
          networks[i][static_cast<size_t>(record.unit)].tensors[static_cast<size_t>(tensorOf(record.kind, pass))] =
              at(chunk_.recorded(i, pass, record.buffer));
    }
    if (!chunk_.keepsParameters()) continue;
    const ParameterLayout layout(graph);
    for (size_t u = 0; u < graph.units.size(); ++u)
      for (size_t p = 0; p < graph.parameters.size(); ++p)
        if (graph.parameters[p].node == graph.units[u].conv && graph.parameters[p].role == Parameter::Role::weight)
          networks[i][u].tensors[kT3] = at(chunk_.parameters(i)) + layout.offsets[p];
  }
  return networks;
}

std::vector<float> ChunkRun::toHost(const NetworkChunk::Part& part) const {
  std::vector<float> numbers(part.floats);
  stream_.copyToHost(numbers.data(), at(part), part.floats * sizeof(float));
  stream_.synchronize();
  return numbers;
}

}  // namespace eznas::cuda
