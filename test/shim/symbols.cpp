#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "runtime.h"

namespace eznas::shim {
namespace {

std::string demangle(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  if (status != 0 || text == nullptr) return name;
  std::string result = text;
  std::free(text);
  // Without the parameters: "void eznas::cuda::(anonymous namespace)::kernel<3>(float*)".
  int depth = 0;
  for (size_t i = result.size(); i-- > 0;) {
    if (result[i] == ')') ++depth;
    if (result[i] == '(' && --depth == 0) {
      result.resize(i);
      break;
    }
  }
  if (result.starts_with("void ")) result.erase(0, 5);
  return result;
}

/// The symbol at an offset into a file, local ones included, or "".
std::string symbolAt(const char* path, uint64_t offset) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header;
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return "";
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  file.seekg(static_cast<std::streamoff>(header.e_shoff));
  if (!file.read(reinterpret_cast<char*>(sections.data()),
                 static_cast<std::streamsize>(sections.size() * sizeof(Elf64_Shdr))))
    return "";
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM) continue;
    std::vector<Elf64_Sym> symbols(section.sh_size / sizeof(Elf64_Sym));
    file.seekg(static_cast<std::streamoff>(section.sh_offset));
    file.read(reinterpret_cast<char*>(symbols.data()), static_cast<std::streamsize>(section.sh_size));
    for (const Elf64_Sym& symbol : symbols) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || offset < symbol.st_value ||
          offset >= symbol.st_value + symbol.st_size)
        continue;
      file.seekg(static_cast<std::streamoff>(sections[section.sh_link].sh_offset + symbol.st_name));
      std::string name;
      std::getline(file, name, '\0');
      return name;
    }
  }
  return "";
}

}  // namespace

std::string functionName(const void* function) {
  Dl_info info{};
  link_map* map = nullptr;
  if (dladdr1(function, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return "?";
  const char* path = info.dli_fname;
  const auto offset = reinterpret_cast<uintptr_t>(function) - map->l_addr;
  std::string name = symbolAt(path, offset);
  if (name.empty()) name = symbolAt("/proc/self/exe", offset);
  return name.empty() ? "?" : demangle(name);
}

}  // namespace eznas::shim
