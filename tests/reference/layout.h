// Where each weight is in the flat vector: named blocks, one after the other, each [rows, width]
// input-major, that is: element (j, i) is the weight from input j to unit or output i.
// Groups: recurrent, input, bias, dynamics, readout, direct. Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_LAYOUT_H_
#define MILLRACE_TESTS_REFERENCE_LAYOUT_H_

#include <string>
#include <vector>

namespace millrace::reference {

struct Block {
  std::string name;
  std::string group;
  int offset = 0;
  int rows = 0;
  int width = 0;
  bool learned = true;  // false: set by the head itself, never by the optimizer

  int Place(int j, int i) const { return offset + j * width + i; }
  int Size() const { return rows * width; }
};

class Layout {
 public:
  // Appends a block; returns its number.
  int Add(const std::string& name, const std::string& group, int rows, int width,
          bool learned = true);
  // Appends all blocks of another.
  void Append(const Layout& other);

  int Size() const;
  const std::vector<Block>& blocks() const { return blocks_; }
  const Block& block(int number) const { return blocks_[number]; }
  // Ends the program where there is none of the name.
  const Block& Find(const std::string& name) const;
  bool Has(const std::string& name) const;
  const std::string& GroupOf(int place) const;

 private:
  std::vector<Block> blocks_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_LAYOUT_H_
