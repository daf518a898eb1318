// All learning rules of the reference by name, with their settings:
//
//   immediate    decay 0, normalised 0
//                E = lambda E + (1 - lambda if normalised, else 1) P; G = q E
//   rflo         E = carry E + P, own unit's rows; G = q_fb E, q_fb = q or B dz  (Murray 2019)
//   snap1        E = J E + P, own unit's rows                      (Menick et al. 2021)
//   rtrl         S = J S + P                                 (Williams and Zipser 1989)
//   sparse_rtrl  mask, k, include_self 1: S = (carry + M o recurrent) S + P; see masks.h
//                both with sensitivities full, tf32x3 (the same), tf32, bf16; see rtrl.cc
//   uoro         S ~ A B^T                                   (Tallec and Ollivier 2018)
//   kf_rtrl      S ~ A (kron) B, cell vanilla only             (Mujika et al. 2018)
//   tbptt        window: G = sum over the last `window` steps of P_j^T c_j, c_{j-1} = J_j^T c_j,
//                with the slopes that those steps had and the recurrent weights of now
//   frozen       no gradient
//
// "Own unit's rows": of the sensitivities of a weight into unit i only those of unit i's state are
// kept. Where no weight belongs to one unit (retnet) all are.
#ifndef MILLRACE_TESTS_REFERENCE_RULES_LIST_H_
#define MILLRACE_TESTS_REFERENCE_RULES_LIST_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/reference/part.h"
#include "tests/reference/rules/gradient_rule.h"

namespace millrace::reference {

// Ends the program where there is none of the name.
std::unique_ptr<GradientRule> MakeRule(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws);
std::vector<std::string> RuleNames();

std::unique_ptr<GradientRule> MakeImmediate(const Part& part, std::shared_ptr<const Cell> cell,
                                            const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeRflo(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeSnap1(const Part& part, std::shared_ptr<const Cell> cell,
                                        const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeFrozen(const Part& part, std::shared_ptr<const Cell> cell,
                                         const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeRtrl(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeSparseRtrl(const Part& part, std::shared_ptr<const Cell> cell,
                                             const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeUoro(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeKfRtrl(const Part& part, std::shared_ptr<const Cell> cell,
                                         const RuleDraws& draws);
std::unique_ptr<GradientRule> MakeTbptt(const Part& part, std::shared_ptr<const Cell> cell,
                                        const RuleDraws& draws);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_LIST_H_
