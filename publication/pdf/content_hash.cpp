// The hash of a PDF's content (ingest.md 7.2), for as long as it is worth its time.

#include "publication/pdf/document.hpp"
#include "server/core/digest.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::uint64_t largest_file = 200'000'000;
constexpr std::size_t most_hashed_pages = 5'000;
// A page may unpack to any size, and a picture may be among the resources of every page. What takes longer than the inspection
// of a whole file may (ingest.md 20) is better without a hash than refused.
constexpr std::chrono::seconds most_time{8};

class hasher {
 public:
  hasher(const source& bytes, std::uint64_t most) : bytes_(bytes), most_(most) { digest_.update("carrel-pdf-v1\n"); }

  bool add(QPDFObjectHandle stream, bool raw) {
    return pour(stream, raw, [this](std::string_view piece) {
      bytes_.check_time();
      done_ += piece.size();
      digest_.update(piece);
      return done_ <= most_;
    });
  }
  std::string hash() { return done_ == 0 ? std::string() : digest_.hex(); }  // pages that show nothing are all alike

 private:
  const source& bytes_;
  digest digest_{digest_kind::sha256};
  std::uint64_t most_, done_ = 0;
};

}  // namespace

std::string content_hash(document& d, const limits& limit) {
  if (d.bytes->size() > largest_file || d.pages.size() > most_hashed_pages) return {};
  hasher all(*d.bytes, limit.pdf_hashed);
  d.bytes->allow(most_time);
  try {
    for (const page& p : d.pages) {
      d.bytes->check_time();
      for (const QPDFObjectHandle& stream : content_streams(p)) {
        if (!all.add(stream, false)) return {};
      }
      for (const auto& [name, image] : images_of(p)) {
        if (!all.add(image, true)) return {};
      }
    }
  } catch (const too_long&) {
    return {};
  } catch (const too_deep&) {
    return {};
  } catch (const std::exception&) {
    return {};
  }
  return all.hash();
}

}  // namespace carrel::publication::pdf
