#include "tests/reference/layout.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace millrace::reference {

int Layout::Add(const std::string& name, const std::string& group, int rows, int width,
                bool learned) {
  blocks_.push_back({name, group, Size(), rows, width, learned});
  return static_cast<int>(blocks_.size()) - 1;
}

void Layout::Append(const Layout& other) {
  for (const Block& block : other.blocks_) {
    Add(block.name, block.group, block.rows, block.width, block.learned);
  }
}

int Layout::Size() const {
  return blocks_.empty() ? 0 : blocks_.back().offset + blocks_.back().Size();
}

bool Layout::Has(const std::string& name) const {
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const Block& block) { return block.name == name; });
}

const Block& Layout::Find(const std::string& name) const {
  for (const Block& block : blocks_) {
    if (block.name == name) return block;
  }
  std::fprintf(stderr, "the layout has no block '%s'\n", name.c_str());
  std::abort();
}

const std::string& Layout::GroupOf(int place) const {
  for (const Block& block : blocks_) {
    if (place < block.offset + block.Size()) return block.group;
  }
  std::fprintf(stderr, "place %d is beyond the layout's %d weights\n", place, Size());
  std::abort();
}

}  // namespace millrace::reference
