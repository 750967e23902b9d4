#include "publication/pdf/document.hpp"

#include <algorithm>
#include <cmath>
#include <qpdf/Pipeline.hh>
#include <set>

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t longest_text = 1 << 20, most_content_streams = 10'000;
// Every filter may unpack a thousandfold, and all but the last do it unseen.
constexpr std::size_t most_filters = 2;

struct refused {};

class tap : public Pipeline {
 public:
  explicit tap(const byte_taker& take) : Pipeline("tap", nullptr), take_(take) {}
  void write(const unsigned char* data, std::size_t size) override {
    if (!take_({reinterpret_cast<const char*>(data), size})) throw refused{};
  }
  void finish() override {}

 private:
  const byte_taker& take_;
};

// A node of the page tree that is being read: its children, and what they have from it.
struct node {
  QPDFObjectHandle kids, resources, media_box;
  int next = 0;
};

QPDFObjectHandle own_or(QPDFObjectHandle of, const std::string& key, QPDFObjectHandle inherited) {
  QPDFObjectHandle own = entry(of, key);
  return own.isNull() ? inherited : own;
}

}  // namespace

QPDFObjectHandle entry(QPDFObjectHandle dictionary, const std::string& key) {
  return dictionary.isDictionary() ? dictionary.getKey(key) : QPDFObjectHandle::newNull();
}

std::string name_of(QPDFObjectHandle o) { return o.isName() ? o.getName() : std::string(); }

std::string text_of(QPDFObjectHandle o) {
  if (!o.isString()) return {};
  std::string raw = o.getStringValue();
  if (raw.size() > longest_text) o = QPDFObjectHandle::newString(raw.substr(0, longest_text));
  return o.getUTF8Value();
}

std::optional<double> number_of(QPDFObjectHandle o) {
  double out = 0;
  return o.getValueAsNumber(out) && std::isfinite(out) ? std::optional(out) : std::nullopt;
}

std::vector<QPDFObjectHandle> items_of(QPDFObjectHandle array, std::size_t most) {
  std::vector<QPDFObjectHandle> out;
  if (!array.isArray()) return out;
  int size = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(array.getArrayNItems()), most));
  for (int i = 0; i < size; ++i) out.push_back(array.getArrayItem(i));
  return out;
}

bool read_pages(document& d, bool& damaged) {
  QPDFObjectHandle root = entry(d.file.getRoot(), "/Pages"), none = QPDFObjectHandle::newNull();
  std::set<QPDFObjGen> seen{root.getObjGen()};
  std::vector<node> open{{entry(root, "/Kids"), entry(root, "/Resources"), entry(root, "/MediaBox")}};
  while (!open.empty()) {
    node& above = open.back();
    if (!above.kids.isArray() || above.next >= above.kids.getArrayNItems()) {
      damaged = damaged || !above.kids.isArray();
      open.pop_back();
      continue;
    }
    QPDFObjectHandle kid = above.kids.getArrayItem(above.next++);
    QPDFObjectHandle resources = own_or(kid, "/Resources", above.resources), box = own_or(kid, "/MediaBox", above.media_box);
    bool inner = !entry(kid, "/Kids").isNull() || name_of(entry(kid, "/Type")) == "/Pages";
    // A page may stand in two places, a node only in one: else the tree has a loop.
    if (!kid.isDictionary() || (inner && kid.isIndirect() && !seen.insert(kid.getObjGen()).second)) {
      damaged = true;
    } else if (inner) {
      open.push_back({entry(kid, "/Kids"), resources, box});
    } else {
      if (d.pages.size() >= most_pages) return false;
      if (kid.isIndirect()) d.number.emplace(kid.getObjGen(), static_cast<int>(d.pages.size()));
      d.pages.push_back({kid, resources, box});
    }
  }
  return true;
}

page_size size_of_page(const page& p) {
  page_size out;
  out.unit = std::max(number_of(entry(p.object, "/UserUnit")).value_or(1), 1.0);
  std::vector<double> box;
  for (const QPDFObjectHandle& side : items_of(p.media_box, 4)) {
    if (std::optional<double> n = number_of(side)) box.push_back(*n);
  }
  if (box.size() < 4) return out;
  double width = std::abs(box[2] - box[0]), height = std::abs(box[3] - box[1]);
  return width > 0 && height > 0 ? page_size{width, height, out.unit} : out;
}

bool pour(QPDFObjectHandle stream, bool raw, const byte_taker& take) {
  if (!stream.isStream()) return false;
  QPDFObjectHandle filters = stream.getDict().getKey("/Filter");
  if (!raw && filters.isArray() && filters.getArrayNItems() > static_cast<int>(most_filters)) return false;
  qpdf_stream_decode_level_e level = raw ? qpdf_dl_none : qpdf_dl_specialized;
  if (!raw && !stream.pipeStreamData(nullptr, nullptr, 0, level)) return false;
  tap end(take);
  try {
    return stream.pipeStreamData(&end, nullptr, 0, level, true);
  } catch (const refused&) {
    return false;
  }
}

std::optional<std::string> contents_of(QPDFObjectHandle stream, bool raw, std::size_t most) {
  std::string out;
  bool whole = pour(stream, raw, [&](std::string_view piece) {
    if (piece.size() > most - out.size()) return false;
    out += piece;
    return true;
  });
  return whole ? std::optional(std::move(out)) : std::nullopt;
}

std::vector<QPDFObjectHandle> content_streams(const page& p) {
  QPDFObjectHandle contents = entry(p.object, "/Contents");
  if (contents.isStream()) return {contents};
  std::vector<QPDFObjectHandle> out = items_of(contents, most_content_streams);
  std::erase_if(out, [](QPDFObjectHandle o) { return !o.isStream(); });
  return out;
}

std::map<std::string, QPDFObjectHandle> images_of(const page& p) {
  std::map<std::string, QPDFObjectHandle> out;
  QPDFObjectHandle objects = entry(p.resources, "/XObject");
  if (!objects.isDictionary()) return out;
  for (const std::string& name : objects.getKeys()) {
    QPDFObjectHandle o = objects.getKey(name);
    if (o.isStream() && name_of(entry(o.getDict(), "/Subtype")) == "/Image") out.emplace(name, o);
  }
  return out;
}

}  // namespace carrel::publication::pdf
