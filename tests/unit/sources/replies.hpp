#pragma once
// Good replies of every source, and a server of such replies that conversations are held with.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/preferences.hpp"

namespace carrel::test {

namespace src = ingest::sources;

src::question example();        // "The Example" by A. Writer, 9780306406157, en
src::question audio_example();  // the same as sound, B00EXAMPLE

std::string google_list();    // one volume with that ISBN
std::string google_volume();  // the same, whole
std::string open_library_search();
std::string open_library_edition();
std::string open_library_work();
std::string hardcover_editions();
std::string hardcover_search();
std::string hardcover_book();
std::string hardcover_edition();
std::string hardcover_series();
std::string audnexus_book();
std::string custom_matches();

// Answers by the first entry whose key is within the target or the body of the question; 404 when there is none.
using book_of_replies = std::vector<std::pair<std::string, src::reply>>;
src::reply ok(std::string body);

struct talk_result {
  std::vector<src::ask> asked;
  std::vector<src::record> found;
};
talk_result held(src::conversation&, const book_of_replies&);
talk_result held(const std::string& source, const src::question&, const book_of_replies&, const src::preferences& = {});

}  // namespace carrel::test
