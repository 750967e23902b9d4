// The table of contents: the outline, with the numbers of its pages.

#include <set>

#include "publication/pdf/document.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t most_entries = 10'000, deepest = 32, longest_title = 500, most_destinations = 100'000;  // as in EPUB (9.7)

class outline_reader {
 public:
  outline_reader(document& d, std::vector<warning>& warnings) : d_(d), warnings_(warnings) {}

  std::vector<toc_entry> read() {
    QPDFObjectHandle item = entry(entry(d_.file.getRoot(), "/Outlines"), "/First");
    std::vector<QPDFObjectHandle> after;  // what comes next on the levels above
    std::size_t seen = 0;
    for (;;) {
      if (!is_new(item)) {
        if (after.empty()) return std::move(out_);
        item = after.back();
        after.pop_back();
        continue;
      }
      if (++seen > most_entries) {
        warn(warnings_, "metadata_truncated", "table of contents");
        return std::move(out_);
      }
      add(item, static_cast<int>(after.size()));
      QPDFObjectHandle below = entry(item, "/First"), next = entry(item, "/Next");
      if (below.isDictionary() && after.size() + 1 < deepest) {
        after.push_back(next);
        item = below;
      } else {
        item = next;
      }
    }
  }

 private:
  // What comes a second time is a loop.
  bool is_new(QPDFObjectHandle item) {
    return item.isDictionary() && (!item.isIndirect() || seen_.insert(item.getObjGen()).second);
  }

  void add(QPDFObjectHandle item, int depth) {
    std::string title = clean_text(text_of(entry(item, "/Title")), longest_title);
    if (!title.empty()) out_.push_back({std::move(title), target_of(item), depth});
  }

  // "#page=7", which readers of PDFs understand; "" when it cannot be told.
  std::string target_of(QPDFObjectHandle item) {
    QPDFObjectHandle to = entry(item, "/Dest"), action = entry(item, "/A");
    if (to.isNull() && name_of(entry(action, "/S")) == "/GoTo") to = entry(action, "/D");
    if (to.isName()) to = entry(entry(d_.file.getRoot(), "/Dests"), to.getName());
    if (to.isString()) to = named(to.getStringValue());
    if (to.isDictionary()) to = to.getKey("/D");
    std::vector<QPDFObjectHandle> first = items_of(to, 1);
    auto found = first.empty() || !first[0].isIndirect() ? d_.number.end() : d_.number.find(first[0].getObjGen());
    return found == d_.number.end() ? std::string() : "#page=" + std::to_string(found->second + 1);
  }

  QPDFObjectHandle named(const std::string& name) {
    if (!names_read_) read_names();
    auto found = names_.find(name);
    return found == names_.end() ? QPDFObjectHandle::newNull() : found->second;
  }

  void read_names() {
    names_read_ = true;
    std::set<QPDFObjGen> seen;
    std::vector<QPDFObjectHandle> open{entry(entry(d_.file.getRoot(), "/Names"), "/Dests")};
    while (!open.empty() && names_.size() < most_destinations) {
      QPDFObjectHandle at = open.back();
      open.pop_back();
      if (at.isIndirect() && !seen.insert(at.getObjGen()).second) continue;
      std::vector<QPDFObjectHandle> pairs = items_of(entry(at, "/Names"), 2 * most_destinations);
      for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
        if (pairs[i].isString()) names_.emplace(pairs[i].getStringValue(), pairs[i + 1]);
      }
      std::vector<QPDFObjectHandle> kids = items_of(entry(at, "/Kids"), most_destinations);
      if (open.size() + kids.size() <= most_destinations) open.insert(open.end(), kids.begin(), kids.end());
    }
  }

  document& d_;
  std::vector<warning>& warnings_;
  std::vector<toc_entry> out_;
  std::set<QPDFObjGen> seen_;
  std::map<std::string, QPDFObjectHandle> names_;
  bool names_read_ = false;
};

}  // namespace

std::vector<toc_entry> read_outline(document& d, std::vector<warning>& warnings) { return outline_reader(d, warnings).read(); }

}  // namespace carrel::publication::pdf
