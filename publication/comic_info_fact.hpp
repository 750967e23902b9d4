#pragma once
// What a comic's metadata carry when a ComicInfo.xml named the comic: it is a source of its own (ingest.md 18.1).

#include <string>
#include <utility>

namespace carrel::publication {

inline std::pair<std::string, std::string> comic_info_fact() { return {"told_in", "ComicInfo.xml"}; }

}  // namespace carrel::publication
