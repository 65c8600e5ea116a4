#include "shared_memory.h"

#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#include "device_limits.h"

extern "C" void* __tls_get_addr(void* index);

namespace eznas::shim {
namespace {

constexpr size_t kGuard = 4096, kLine = 64;
/// Whole pages.
constexpr size_t kRoom = (kMaxDynamicShared + kGuard - 1) / kGuard * kGuard;

struct ModuleSearch {
  uintptr_t address;
  size_t module = 0, bytes = 0;
};

int matchModule(dl_phdr_info* info, size_t, void* data) {
  auto* search = static_cast<ModuleSearch*>(data);
  bool holds = false;
  size_t bytes = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && search->address >= begin && search->address < begin + header.p_memsz) holds = true;
    if (header.p_type == PT_TLS) bytes = header.p_memsz;
  }
  if (!holds) return 0;
  search->module = info->dlpi_tls_modid;
  search->bytes = bytes;
  return 1;
}

bool poisoned(const char* at, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (static_cast<unsigned char>(at[i]) != kPoison) return false;
  return true;
}

}  // namespace

DynamicShared::~DynamicShared() {
  if (region_ != nullptr) munmap(region_, kGuard + kRoom + kGuard);
}

void DynamicShared::prepare(size_t bytes) {
  if (region_ == nullptr) {
    void* mapped = mmap(nullptr, kGuard + kRoom + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    region_ = static_cast<char*>(mapped);
    mprotect(region_ + kGuard + kRoom, kGuard, PROT_NONE);
  }
  const size_t rounded = (bytes + 15) / 16 * 16;
  data_ = region_ + kGuard + kRoom - rounded;
  std::memset(data_ - kGuard, kPoison, kGuard + rounded);
}

bool DynamicShared::startIsWhole() const { return poisoned(data_ - kGuard, kGuard); }

void StaticShared::begin(const void* kernel) {
  const auto [found, isNew] = kernels_.try_emplace(kernel);
  kernel_ = &found->second;
  if (isNew) {
    ModuleSearch search{reinterpret_cast<uintptr_t>(kernel)};
    dl_iterate_phdr(matchModule, &search);
    kernel_->module = search.module;
    kernel_->bytes = search.bytes;
  }
  storage_ = nullptr;
  if (kernel_->bytes > 0) {
    size_t index[2] = {kernel_->module, 0};
    storage_ = static_cast<char*>(__tls_get_addr(index));
  }
  // In full at first, then ever more rarely: it costs as much as all kernels' arrays together.
  const unsigned n = ++kernel_->launches;
  learning_ = n <= 4 || (n & (n - 1)) == 0;
  fresh_ = true;
}

void StaticShared::beforeBlock() {
  if (storage_ == nullptr) return;
  if (learning_ && fresh_)
    std::memset(storage_, kPoison, kernel_->bytes);
  else
    for (const Range& range : kernel_->touched) std::memset(storage_ + range.begin, kPoison, range.end - range.begin);
}

void StaticShared::afterBlock() {
  if (learning_ && fresh_) learn();
  fresh_ = false;
}

void StaticShared::end() {
  if (learning_ && !fresh_) learn();
}

void StaticShared::learn() {
  if (storage_ == nullptr) return;
  std::vector<Range> found = kernel_->touched;
  for (size_t at = 0; at < kernel_->bytes; at += kLine) {
    const size_t end = std::min(at + kLine, kernel_->bytes);
    if (!poisoned(storage_ + at, end - at)) found.push_back({at, end});
  }
  std::sort(found.begin(), found.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<Range>& merged = kernel_->touched;
  merged.clear();
  for (const Range& range : found) {
    if (!merged.empty() && range.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, range.end);
    else
      merged.push_back(range);
  }
}

}  // namespace eznas::shim
