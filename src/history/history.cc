#include "history/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "history/findings.h"
#include "history/protection.h"
#include "history/reader.h"

namespace segwhy::history {
namespace {

// The memory operand that faulted, as far as the decoder names it; nullptr without.
const Operand* faulting_operand(const Fault& fault) {
  if (!fault.instruction) return nullptr;
  const auto& operands = fault.instruction->operands;
  if (fault.operand && *fault.operand < operands.size()) return &operands[*fault.operand];
  const auto it = std::find_if(operands.begin(), operands.end(), [&fault](const Operand& o) {
    return o.kind == "memory" && o.address && fault.address && *o.address <= *fault.address &&
           *fault.address - *o.address < std::max<std::uint32_t>(o.width, 1);
  });
  return it == operands.end() ? nullptr : &*it;
}

// Values in the address computation that can be a pointer: the base, and the index where nothing scales it.
std::vector<std::uint64_t> pointers_of(const Operand& operand) {
  std::vector<std::uint64_t> out;
  const auto add = [&](const std::string& name) {
    const auto it = operand.registers.find(name);
    if (it != operand.registers.end()) out.push_back(it->second);
  };
  add(operand.base);
  if (operand.scale <= 1) add(operand.index);
  return out;
}

bool holds(const wire::BlockRecord& block, std::uint64_t address) {
  return address >= block.address && address - block.address <= block.size;
}

// The block that the faulting access was meant for. An access that is computed from a pointer into a live block is an
// access to that block, wherever it ended up: with a large index, maybe in another block that happened to be freed.
std::optional<FoundBlock> block_of_fault(const Reader& reader, const Fault& fault) {
  if (!fault.address) return std::nullopt;
  const auto at_address = reader.find(*fault.address);
  const Operand* operand = faulting_operand(fault);
  if (operand == nullptr) return at_address;
  for (const std::uint64_t pointer : pointers_of(*operand)) {
    auto base = reader.find(pointer);
    if (!base || !holds(base->record, pointer)) continue;
    const bool same = at_address && at_address->record.address == base->record.address;
    if (same) return at_address;
    // Code that walks two arrays with one index computes the second from the first: unscaled, a base proves little.
    if (at_address && (base->record.state != wire::kBlockLive || operand->scale <= 1)) continue;
    base->sole_owner = false;
    base->place = Place::kGuard;  // outside of it, and where access is impossible
    return base;
  }
  return at_address;
}

// The finding that explains the death: a wrong access that the process waits with, the free that it aborted in, or else
// the first.
const MemoryFinding* telling_finding(const Case& evidence, bool waits_with_first) {
  const auto& findings = evidence.findings;
  if (findings.empty()) return nullptr;
  if (waits_with_first) return &findings.front();
  const bool of_free = findings.back().kind == kFindingDoubleFree || findings.back().kind == kFindingInvalidFree ||
                       findings.back().kind == kFindingMismatchedFree;
  return of_free ? &findings.back() : &findings.front();
}

std::optional<std::uint64_t> element_size(const TensorInfo& tensor) {
  if (!tensor.bytes || !tensor.shape) return std::nullopt;
  std::uint64_t elements = 1;
  for (const std::int64_t dimension : *tensor.shape) {
    if (dimension <= 0 || elements > *tensor.bytes) return std::nullopt;
    elements *= static_cast<std::uint64_t>(dimension);
  }
  return elements != 0 && *tensor.bytes % elements == 0 ? std::optional(*tensor.bytes / elements) : std::nullopt;
}

// Says which input of the op lies in the block, and which of its elements was touched.
void add_tensor_note(const Framework& framework, Block& block) {
  for (const TensorInfo& tensor : framework.inputs) {
    if (!tensor.buffer || *tensor.buffer < block.address || *tensor.buffer - block.address >= block.size) continue;
    block.kind = "tensor";
    const auto size = element_size(tensor);
    const std::int64_t from_buffer = block.offset - static_cast<std::int64_t>(*tensor.buffer - block.address);
    std::string note = fmt::format("It holds {} of {}", tensor.name, framework.op.empty() ? "the op" : framework.op);
    if (!tensor.dtype.empty() && tensor.shape)
      note += fmt::format(" ({} [{}])", tensor.dtype, fmt::join(*tensor.shape, ", "));
    if (size) {
      const auto width = static_cast<std::int64_t>(*size);
      const std::int64_t index = (from_buffer - (from_buffer < 0 ? width - 1 : 0)) / width;
      note += fmt::format("; the access is to element {} of {}", index, *tensor.bytes / *size);
    }
    block.notes.push_back(note + ".");
    return;
  }
}

}  // namespace

bool has_findings(const Query& query) {
  const auto area = Area::open(*query.file, query.record, query.generation);
  return area && (count_findings(*area) != 0);
}

void add_history(const Query& query, const Naming& naming, Case& into) {
  const auto reader = Reader::open(query, naming);
  if (!reader) return;
  into.protection = read_protection(reader->area(), query.now);
  into.findings = read_findings(*reader, query.access_finding);

  const bool survives = query.access_finding.has_value();
  const MemoryFinding* finding = telling_finding(into, survives);
  std::optional<FoundBlock> found;
  if (into.fault && !survives) found = block_of_fault(*reader, *into.fault);
  if (found) {
    const auto offset = static_cast<std::int64_t>(*into.fault->address - found->record.address);
    reader->describe(*found, offset, into.block.emplace());
    into.accesses = read_accesses(*reader, found->record.address);
  } else if (finding != nullptr && finding->block) {
    into.accesses = read_accesses(*reader, finding->block->address);
  }
  reader->resolve();

  for (MemoryFinding& f : into.findings)
    if (f.block) f.block->kind = kind_of(*f.block);
  if (found)
    into.block->kind = kind_of(*into.block);
  else if (finding != nullptr)
    into.block = finding->block;
  if (into.block && into.framework) add_tensor_note(*into.framework, *into.block);
}

}  // namespace segwhy::history
