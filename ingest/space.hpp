#pragma once
// A full disk pauses taking in. The database lies on the same disk as a rule, so the pause begins before the last byte is gone.

#include "ingest/services.hpp"

namespace carrel::ingest {

bool has_room(const services&);
// Holds back the jobs that wait and says so, once, in errata and in the log.
void pause_for_space(const services&);
// Lets them go on when there is room again; false when there was no pause, or no room.
bool resume_with_space(const services&);

}  // namespace carrel::ingest
