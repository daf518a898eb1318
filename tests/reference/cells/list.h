// All cells of the reference by name. Thread-safe.
#ifndef MILLRACE_TESTS_REFERENCE_CELLS_LIST_H_
#define MILLRACE_TESTS_REFERENCE_CELLS_LIST_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/reference/cells/cell.h"

namespace millrace::reference {

// Ends the program where there is none of the name.
std::shared_ptr<const Cell> MakeCell(const Part& part, int inputs);
std::vector<std::string> CellNames();

std::shared_ptr<const Cell> MakeBlockGru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeCtrnn(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeElstm(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeGlru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeGru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeLru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeLstm(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeMinGru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeRetnet(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeRgLru(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeRwkv(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeS4d(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeSlstm(const Part& part, int inputs);
std::shared_ptr<const Cell> MakeVanilla(const Part& part, int inputs);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_CELLS_LIST_H_
