#pragma once
// What all conversations share: questions that wait, answers read as JSON, records that come together. For the files of the
// sources only.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/preferences.hpp"
#include "ingest/sources/reading.hpp"

namespace carrel::ingest::sources {

class talk : public conversation {
 public:
  talk(const question& asked, const preferences& settings) : asked_(asked), settings_(settings) {}

  std::optional<ask> next() final;
  void answer(const reply&) final;
  std::vector<record> found() const final { return found_; }

 protected:
  // `body` is nowhere when the answer was no success or no JSON.
  virtual void heard(const ask&, const reply&, const node& body) = 0;

  void plan(std::string kind, std::string target, std::string body = {});
  void plan_first(std::string kind, std::string target, std::string body = {});
  bool has_plans() const { return !plans_.empty(); }
  void forget_plans() { plans_.clear(); }

  // Takes the place of a record of the same key. What has neither title nor key, or comes too late, is dropped.
  void add(record);
  record* of_key(const std::string& provider_key);
  void drop(const std::string& provider_key);
  // The likeliest record, when it is worth a look (metadata-providers.md 2, review_threshold).
  record* acceptable();

  question asked_;
  preferences settings_;

 private:
  std::deque<ask> plans_;
  std::optional<ask> open_;
  int asked_so_far_ = 0;
  std::vector<record> found_;
};

// "name=value&..." behind a path; values that are empty are left out.
struct query_value {
  std::string_view name;
  std::string value;
};
std::string target_of(std::string_view path, const std::vector<query_value>&);

std::string first_author(const question&);

using talk_maker = std::unique_ptr<conversation>(const question&, const preferences&);
talk_maker google_books, open_library, hardcover, audnexus, custom;

}  // namespace carrel::ingest::sources
