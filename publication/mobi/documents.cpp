#include "publication/mobi/documents.hpp"

#include <algorithm>

#include "publication/big_endian.hpp"
#include "publication/mobi/index.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t most_pieces = 20'000, least_between_cuts = 64 << 10, many_bytes = 4 << 20, most_moved = 64 << 20;

constexpr std::uint8_t frame_pieces = 1, place = 6, piece_frame = 3;  // tags; a place is a start and a length

// The end of the first part, which holds the documents; the others are style sheets and drawings.
std::size_t end_of_documents(const palm_database& db, const headers& h, std::size_t size) {
  if (!h.book.sections) return size;
  std::string fdst = db.read(*h.book.sections, 20);
  std::uint64_t count = big_endian(fdst, 8, 4), end = big_endian(fdst, 16, 4);
  return fdst.starts_with("FDST") && fdst.size() == 20 && count > 0 && end > 0
             ? static_cast<std::size_t>(std::min<std::uint64_t>(end, size))
             : size;
}

// A frame with its pieces, which come in the order of the places where they belong. One that belongs into a piece before it is
// seldom; what is moved for its sake is bounded.
class framed {
 public:
  framed(std::string_view markup, std::size_t start, std::size_t length)
      : start_(start), frame_(markup.substr(start, length)), markup_(markup), next_(start + length) {}

  // False when there is not so much, or too much would be moved.
  bool insert(std::uint64_t where, std::size_t length) {
    if (length > markup_.size() - next_ || where < start_) return false;
    std::size_t offset = static_cast<std::size_t>(where) - start_;
    std::size_t more = std::min(offset > out_.size() ? offset - out_.size() : 0, frame_.size());
    out_ += frame_.substr(0, more);
    frame_.remove_prefix(more);
    std::size_t at = std::min(offset, out_.size());
    if (out_.size() - at > may_move_) return false;
    may_move_ -= out_.size() - at;
    out_.insert(at, markup_.substr(next_, length));
    next_ += length;
    return true;
  }

  std::string finish() { return std::move(out_.append(frame_)); }
  std::size_t next() const { return next_; }

 private:
  std::size_t start_;
  std::string_view frame_, markup_;
  std::size_t next_, may_move_ = most_moved;
  std::string out_;
};

std::optional<std::vector<std::string>> put_together(std::string_view markup, const index& frames, const index& pieces) {
  std::vector<std::string> out;
  std::size_t end = 0, piece = 0;
  for (const index_entry& frame : frames.entries) {
    std::optional<std::uint32_t> count = frame.value(frame_pieces), start = frame.value(place), length = frame.value(place, 1);
    // Each byte belongs to one document, so that they are not longer than the markup.
    if (!count || !start || !length || *start < end || *start > markup.size() || *length > markup.size() - *start)
      return std::nullopt;
    framed document(markup, *start, *length);
    for (std::uint32_t i = 0; i < *count; ++i, ++piece) {
      if (piece >= pieces.entries.size()) return std::nullopt;
      const index_entry& p = pieces.entries[piece];
      std::optional<std::int64_t> where = to_integer(p.label);
      std::optional<std::uint32_t> size = p.value(place, 1);
      if (p.value(piece_frame) != out.size() || !where || *where < 0 || !size) return std::nullopt;
      if (!document.insert(static_cast<std::uint64_t>(*where), *size)) return std::nullopt;
    }
    end = document.next();
    out.push_back(document.finish());
  }
  return out;
}

// Where the page breaks; far from the last cut, where a paragraph begins.
std::size_t next_cut(std::string_view markup, std::size_t last) {
  auto is_tag = [&](std::size_t at, std::string_view tag) { return equal_ascii_case(markup.substr(at, tag.size()), tag); };
  std::size_t from = std::min(last + least_between_cuts, markup.size());
  for (std::size_t at = markup.find('<', from); at != std::string_view::npos; at = markup.find('<', at + 1)) {
    bool paragraph = at - last > many_bytes && (is_tag(at, "<p>") || is_tag(at, "<p "));
    if (paragraph || is_tag(at, "<mbp:pagebreak")) return at;
  }
  return markup.size();
}

// A document behind a cut has lost its beginning.
std::vector<std::string> cut_in_pieces(std::string_view markup) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < markup.size();) {
    std::size_t to = next_cut(markup, from);
    out.push_back((from == 0 ? "" : "<html><body>") + std::string(markup.substr(from, to - from)));
    from = to;
  }
  return out;
}

bool starts_like_markup(std::string_view text) {
  std::string start = lower_ascii(trim(text.substr(0, 256)).substr(0, 16));
  return start.starts_with("<html") || start.starts_with("<!doctype") || start.starts_with("<?xml") ||
         start.starts_with("<head") || start.starts_with("<body");
}

}  // namespace

std::string readable(std::string_view bytes, bool is_latin) {
  std::string out;
  if (is_latin && convert_to_utf8(bytes, "windows-1252", out)) return out;
  return std::string(bytes);
}

std::optional<std::vector<std::string>> documents_of(const palm_database& db, const headers& h, const told& about) {
  if (h.is_kf8()) {
    std::string_view markup = std::string_view(about.markup).substr(0, end_of_documents(db, h, about.markup.size()));
    if (!h.book.skeletons) return std::vector<std::string>{std::string(markup)};
    std::optional<index> frames = read_index(db, *h.book.skeletons, most_pieces), pieces{index{}};
    if (h.book.fragments) pieces = read_index(db, *h.book.fragments, most_pieces);
    return frames && pieces ? put_together(markup, *frames, *pieces) : std::nullopt;
  }
  // Old books do not say how they are written, which is seldom in UTF-8.
  bool is_latin = about.is_latin || (!h.book.has_mobi && !valid_text(about.markup));
  std::string markup = readable(about.markup, is_latin);
  if (h.book.has_mobi || starts_like_markup(markup)) return cut_in_pieces(markup);
  std::string plain = "<html><body>";
  append_xml_text(plain, markup);
  return std::vector<std::string>{plain + "</body></html>"};
}

}  // namespace carrel::publication::mobi
