#pragma once
// A PDF as qpdf sees it, behind limits of our own: no call of qpdf's that follows a tree by recursion, or holds a whole stream.
// For the files of this folder only.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <qpdf/QPDF.hh>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "publication/pdf/source.hpp"

namespace carrel::publication::pdf {

struct page {
  QPDFObjectHandle object, resources, media_box;  // the last two may come from a node above
};

struct document {
  std::shared_ptr<source> bytes;
  QPDF file;
  std::vector<page> pages;
  std::map<QPDFObjGen, int> number;  // of a page by its object, from 0
};

constexpr std::size_t most_pages = 20'000;

// The pages in reading order. False when there are more than that; `damaged` is set when the tree is not one.
bool read_pages(document&, bool& damaged);

// In units of the page; US Letter when it does not say.
struct page_size {
  double width = 612, height = 792;
  double unit = 1;  // in points, 1/72 inch
};
page_size size_of_page(const page&);

// What a hostile file holds where something is expected: nothing when it is of another type.
QPDFObjectHandle entry(QPDFObjectHandle dictionary, const std::string& key);  // null when there is none
std::string name_of(QPDFObjectHandle);                                        // with its slash
std::string text_of(QPDFObjectHandle);                                        // a text string as UTF-8, its first MiB at most
std::optional<double> number_of(QPDFObjectHandle);
std::vector<QPDFObjectHandle> items_of(QPDFObjectHandle array, std::size_t most);

// The bytes of a stream piece by piece, decoded or, when `raw`, only decrypted. False when it cannot be decoded to its end, or
// `take` does not want another piece.
using byte_taker = std::function<bool(std::string_view)>;
bool pour(QPDFObjectHandle stream, bool raw, const byte_taker& take);
// All of them; nullopt, too, for more than `most`.
std::optional<std::string> contents_of(QPDFObjectHandle stream, bool raw, std::size_t most);

std::vector<QPDFObjectHandle> content_streams(const page&);
// The image XObjects among a page's resources, by their names.
std::map<std::string, QPDFObjectHandle> images_of(const page&);

std::vector<toc_entry> read_outline(document&, std::vector<warning>&);
std::optional<cover_image> find_page_picture(const document&, const limits&);
std::string content_hash(document&, const limits&);  // ingest.md 7.2; "" where it is not defined, or not worth its time

}  // namespace carrel::publication::pdf
