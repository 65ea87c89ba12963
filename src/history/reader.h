// One process's recorder, opened: what the parts of history/ share. Not thread-safe.
#pragma once

#include <memory>

#include "evidence/model/heap.h"
#include "evidence/wire/blocks.h"
#include "history/area.h"
#include "history/blocks.h"
#include "history/events.h"
#include "history/history.h"
#include "history/stacks.h"

namespace segwhy::history {

class Reader {
 public:
  // nullptr when the process has no recorder. `query` and `naming` must outlive the reader.
  static std::unique_ptr<Reader> open(const Query& query, const Naming& naming);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[nodiscard]] const Area& area() const { return area_; }
  [[nodiscard]] std::optional<double> age(std::uint64_t ticks) const;

  // The block at `address`, also one that the process inherited when it was forked.
  [[nodiscard]] std::optional<FoundBlock> find(std::uint64_t address) const;

  // `into` must stay in place until resolve(). `offset`: of the address that matters from the block's first byte.
  void describe(const FoundBlock& found, std::int64_t offset, Block& into);
  void describe(const wire::BlockRecord& record, std::int64_t offset, Block& into);
  // Leaves `into` empty when nothing was recorded.
  void describe(const EventBuilder::Recorded& recorded, std::optional<BlockEvent>& into);
  void describe(const EventBuilder::Recorded& recorded, BlockEvent& into) { events_.fill(recorded, into); }

  // Completes everything described so far.
  void resolve();

 private:
  Reader(const Query& query, const Naming& naming, Area area);
  void open_parent(const Query& query, const Naming& naming);
  void describe_allocation(const wire::BlockRecord& record, Block& into);
  [[nodiscard]] std::optional<FoundBlock> find_inherited(std::uint64_t address) const;

  wire::ClockPair now_;
  Area area_;
  StackReader stacks_;
  EventBuilder events_;
  std::unique_ptr<Reader> parent_;
};

// "tensor", "array" or "other", by whose code allocated it and how it is aligned.
[[nodiscard]] std::string kind_of(const Block& block);

}  // namespace segwhy::history
