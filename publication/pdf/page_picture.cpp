// The picture that fills page 1, of scanned books: a cover where nothing can draw the page (ingest.md 11).

#include <array>
#include <cmath>
#include <qpdf/BufferInputSource.hh>
#include <qpdf/QPDFTokenizer.hh>

#include "publication/cover.hpp"
#include "publication/pdf/document.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t longest_content = 1 << 20, longest_token = 4096;
constexpr double least_share = 0.5;  // of the page

// Reads a content stream for one thing: how large it paints which XObject.
class placer {
 public:
  std::map<std::string, double> read(const std::string& content) {
    auto in = std::make_shared<BufferInputSource>("page", content);
    QPDFTokenizer tokenizer;
    tokenizer.allowEOF();
    for (;;) {
      QPDFTokenizer::Token t = tokenizer.readToken(in, "page", true, longest_token);
      switch (t.getType()) {
        case QPDFTokenizer::tt_eof: return std::move(areas_);
        case QPDFTokenizer::tt_integer:
        case QPDFTokenizer::tt_real: push(to_double(t.getValue()).value_or(0)); break;
        case QPDFTokenizer::tt_name: name_ = t.getValue(); break;
        case QPDFTokenizer::tt_word: operate(t.getValue()); break;
        default: break;
      }
      if (t.isWord("ID")) {
        in->seek(1, SEEK_CUR);  // the blank behind it
        tokenizer.expectInlineImage(in);
      }
    }
  }

 private:
  void push(double n) {
    std::move(numbers_.begin() + 1, numbers_.end(), numbers_.begin());
    numbers_.back() = n;
  }

  // Of a transformation only what it does to areas matters here.
  void operate(const std::string& what) {
    if (what == "q") saved_.push_back(area_);
    if (what == "Q" && !saved_.empty()) {
      area_ = saved_.back();
      saved_.pop_back();
    }
    if (what == "cm") area_ *= std::abs(numbers_[0] * numbers_[3] - numbers_[1] * numbers_[2]);
    if (what == "Do" && std::isfinite(area_)) areas_[name_] = std::max(areas_[name_], area_);
  }

  double area_ = 1;  // of a picture that is painted now
  std::vector<double> saved_;
  std::array<double, 6> numbers_{};
  std::string name_;
  std::map<std::string, double> areas_;
};

std::string content_of(const page& p) {
  std::string out;
  for (const QPDFObjectHandle& stream : content_streams(p)) {
    std::optional<std::string> part = contents_of(stream, false, longest_content - std::min(out.size(), longest_content));
    if (!part) return {};
    out += *part + "\n";
  }
  return out;
}

double pixels(QPDFObjectHandle image) {
  auto side = [&](const char* key) { return std::max(number_of(entry(image.getDict(), key)).value_or(0), 0.0); };
  return side("/Width") * side("/Height");
}

bool is_jpeg(QPDFObjectHandle image) {
  QPDFObjectHandle filter = entry(image.getDict(), "/Filter");
  if (filter.isArray() && filter.getArrayNItems() == 1) filter = filter.getArrayItem(0);
  return name_of(filter) == "/DCTDecode";
}

}  // namespace

std::optional<cover_image> find_page_picture(const document& d, const limits& limit) {
  const page& first = d.pages.front();
  std::map<std::string, double> areas = placer().read(content_of(first));
  QPDFObjectHandle largest = QPDFObjectHandle::newNull();
  double most = 0, area = 0;
  for (const auto& [name, image] : images_of(first)) {
    auto painted = areas.find(name);
    if (painted == areas.end() || pixels(image) <= most) continue;
    largest = image;
    most = pixels(image);
    area = painted->second;
  }
  page_size size = size_of_page(first);
  if (largest.isNull() || !is_jpeg(largest) || area < least_share * size.width * size.height) return std::nullopt;
  std::optional<std::string> bytes = contents_of(largest, true, limit.image);
  if (!bytes) return std::nullopt;
  result<picture_facts, refusal> facts = inspect_picture(*bytes);
  if (!facts) return std::nullopt;
  return cover_image{std::move(*bytes), facts->mime, facts->width, facts->height};
}

}  // namespace carrel::publication::pdf
