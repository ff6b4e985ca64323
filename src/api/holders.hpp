#pragma once
// Who holds which lock, and whether a wait would close a circle. Only in builds with MUSTER_DEADLOCK.
//
// An arrow leads from a thread that waits without limit to each thread that must do something first: release the lock,
// or end. What is noted is true at every instant at which WaitRecords::lock is free: a thread notes a lock after it has
// taken it and takes the note back before it releases it; it notes its wait before it waits, and that it is over before
// it goes on. So a circle is a deadlock. And none is missed: who is the last of a circle to wait finds the others'
// notes. What is noted of a wait for something that nobody has, or no longer, leads nowhere.

#include <vector>

#include "api/waits.hpp"

namespace muster::detail {

// Notes that the thread cannot go on without that. False, and nothing is noted, if it is nothing that threads hold, or
// the thread needs something already. Throws DeadlockError, and nothing is noted, where it would close a circle.
bool check_wait(WaitRecord& own, Wait wait);
void end_need(WaitRecord& own) noexcept;

// The rest with WaitRecords::lock held.
// The thread ends: what it has not released is held by nobody who could.
void abandon_held(const WaitRecord& record) noexcept;
// For a copy of the process: what the other threads held.
void keep_own_held(const WaitRecord& own) noexcept;
std::vector<Someone> holders_of(Wait wait);

}  // namespace muster::detail
