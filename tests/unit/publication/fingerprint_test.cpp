#include "publication/fingerprint.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>

#include "server/core/digest.hpp"
#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

// kosync.md 8.2
std::string generator_g(std::uint64_t n) {
  std::string out;
  for (std::uint64_t i = 0; i < n; ++i) out += static_cast<char>((7 * i + 13 * (i / 256) + 31 * (i / 65536) + 5) % 256);
  return out;
}
std::string generator_p(std::uint64_t n) {
  std::string out;
  for (std::uint64_t i = 0; i < n; ++i) out += static_cast<char>((31 * i + i / 256) % 256);
  return out;
}
// ingest.md 7.1
std::string generator_i(std::uint64_t n) {
  std::string out;
  for (std::uint64_t i = 0; i < n; ++i) out += static_cast<char>((7 * i + 3) % 251);
  return out;
}

fingerprints of(const std::string& bytes) {
  test::scratch file(bytes);
  auto found = fingerprint(file.descriptor());
  REQUIRE(found);
  return *found;
}

}  // namespace

TEST_CASE("partial and full MD5 of kosync.md 8.2") {
  struct row {
    std::uint64_t size;
    const char *partial, *full;
  };
  const std::vector<row> rows{{0, "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"},
                              {1, "8bb6c17838643f9691cc6a4de6c51709", "8bb6c17838643f9691cc6a4de6c51709"},
                              {255, "833e876bf106ce7881e7524a06759baa", "833e876bf106ce7881e7524a06759baa"},
                              {256, "5ee48e19e2305404f8435684032c4567", "5ee48e19e2305404f8435684032c4567"},
                              {257, "04cc9a5c12c9067f21f281ce5efe1c3a", "04cc9a5c12c9067f21f281ce5efe1c3a"},
                              {1023, "7635c36197bc3684c62dd37b463613cf", "7635c36197bc3684c62dd37b463613cf"},
                              {1024, "3ecfd82430dd8787aa52b6eaff22daf2", "3ecfd82430dd8787aa52b6eaff22daf2"},
                              {1025, "3f3eb0726340328984a589a4317cdacd", "3f3eb0726340328984a589a4317cdacd"},
                              {2048, "8c5f2057a4593710a84f257e404487b7", "8c5f2057a4593710a84f257e404487b7"},
                              {2049, "8c5f2057a4593710a84f257e404487b7", "3372bafebfd6170a0660293cefca720c"},
                              {3072, "8c5f2057a4593710a84f257e404487b7", "0b7db80f0c10d408636bb563ac50834c"},
                              {4096, "8c5f2057a4593710a84f257e404487b7", "6a2dd4e88c20ef1bc6dfd5cdc51777c6"},
                              {4097, "8feb455ea078ad9a7f497fab2a4d62b8", "f446a3907a33bc63c1f9253f428b1f71"},
                              {5120, "2b7756e1db4cd9566831c9211bb51211", "bbab726698d9c044e4ace7322609b333"},
                              {5121, "2b7756e1db4cd9566831c9211bb51211", "cc0c7aad717cd46dc4e81c0502e01da6"},
                              {16384, "2b7756e1db4cd9566831c9211bb51211", "0f2f40631cdb31b61cb1209669958d21"},
                              {16385, "6fceee103aa4b1c59f30c6ed25352655", "1487f4d8d30a2776ea4681d6f3b4b239"},
                              {65536, "3069574b0c0dc31005ea370fd3f8af71", "c2fedd661a359a435c091cd9dee8bebf"},
                              {65537, "ad284138af9e120316840ee1f88d5f40", "3466f4f48a8c2f964cd395ae19ac6bd1"},
                              {262145, "626f727571fdd43c2e481cb813cf5809", "c1b0ffecac53d7b1c54373270501dad7"},
                              {1048577, "b48b2d8e9df15c4803bee54df14690f3", "ea35f43095bdaf8c5a9b5e7c69803dbf"},
                              {4194305, "11a2f69cfae7e08ec72f1a29be50e805", "03adc1cddd80acffacdc06316fadbf27"},
                              {16777217, "542d896bc9a4b086577c4aa80a111c80", "e5fc107f930564c6c7a9dd6d19f40bb7"}};
  std::string longest = generator_g(rows.back().size);
  for (const row& r : rows) {
    INFO(r.size);
    fingerprints f = of(longest.substr(0, r.size));
    CHECK(f.koreader_md5 == r.partial);
    CHECK(f.md5 == r.full);
    CHECK(f.size == r.size);
  }
}

TEST_CASE("partial MD5 of ingest.md 7.1") {
  const std::vector<std::pair<std::uint64_t, const char*>> rows{
      {1, "8666683506aacd900bbd5a74ac4edf68"},     {1023, "5044b433fe3d9d5345f896f4c75964fe"},
      {1024, "84d769de0d4a5450f9ca6ca2eab3234a"},  {1025, "bf8516a41091eed47cb5c49723ae5be9"},
      {4096, "85d05173d467e09a9069dc7f2642fe99"},  {5000, "47c161c92e3628990d2674a8d716b10d"},
      {16384, "98e22864d063678d45fc93f23b14dfce"}, {70000, "0091e4609f1a669e327e85e82daf8c55"}};
  for (const auto& [size, expected] : rows) CHECK(of(generator_i(size)).koreader_md5 == expected);
  CHECK(of(generator_p(500)).koreader_md5 == "21f0df72cce9bc7da8dae2512ee5feed");
  CHECK(of(generator_p(200000)).koreader_md5 == "1784b150454ef4cf6780ceb94af0386f");
}

TEST_CASE("the twelfth sample of the partial MD5 lies at one gibibyte") {
  // Generator S of kosync.md 8.2, streamed as the zeros it mostly is.
  const std::vector<std::uint64_t> offsets{0,       1024,    4096,     16384,    65536,     262144,
                                           1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};
  auto partial = [&](std::uint64_t size) {
    running_fingerprint running;
    std::string zeros(1 << 20, '\0');
    for (std::uint64_t at = 0; at < size;) {
      std::string piece = zeros.substr(0, std::min<std::uint64_t>(zeros.size(), size - at));
      for (std::uint64_t o : offsets) {
        if (o < at || o >= at + piece.size()) continue;
        char mark[32];
        std::snprintf(mark, sizeof mark, "carrel%010llu", static_cast<unsigned long long>(o));
        std::string text(mark);
        piece.replace(o - at, std::min<std::size_t>(text.size(), piece.size() - (o - at)),
                      text.substr(0, piece.size() - (o - at)));
      }
      running.update(piece);
      at += piece.size();
    }
    return running.finish().koreader_md5;
  };
  CHECK(partial(1073742848) == "a7efd1a889dc00bf006c6305de71d5f7");
}

TEST_CASE("pieces of any size give the same fingerprints") {
  std::string bytes = generator_g(70001);
  fingerprints whole = of(bytes);
  CHECK(whole.sha256 == sha256_hex(bytes));
  for (std::size_t piece : {1u, 7u, 1000u, 1024u, 4096u, 65537u}) {
    running_fingerprint running;
    for (std::size_t at = 0; at < bytes.size(); at += piece) running.update(std::string_view(bytes).substr(at, piece));
    fingerprints f = running.finish();
    CHECK(f.koreader_md5 == whole.koreader_md5);
    CHECK(f.sha256 == whole.sha256);
    CHECK(f.size == bytes.size());
  }
}

TEST_CASE("the file position does not matter") {
  test::scratch file("some bytes");
  REQUIRE(::lseek(file.descriptor(), 5, SEEK_SET) == 5);
  CHECK(fingerprint(file.descriptor())->md5 == md5_hex("some bytes"));
}

TEST_CASE("names are hashed as their bytes are") {
  CHECK(file_name_md5("Moby Dick.epub") == "cdd5016cf10439fc76ab08284361d586");
  CHECK(file_name_md5("some/where/Moby Dick.epub") == "cdd5016cf10439fc76ab08284361d586");
  CHECK(file_name_md5("moby dick.epub") == "293278f0d169904153960a3f7596a84c");
  CHECK(file_name_md5("Moby Dick") == "42f9fa9cfbfae840ec44c040e271ee62");
  CHECK(file_name_md5("Moby Dick.kepub.epub") == "7da1d73ade4eef8cd87d75152ef57183");
  CHECK(file_name_md5("Пикник на обочине.fb2") == "88bbb4044e253481f7d6a840be0de2d5");
  CHECK(file_name_md5("\u00c9luard.epub") == "4de1254d94ebfa527521a835fe160345");
  CHECK(file_name_md5("E\u0301luard.epub") == "840a416e07b64cb56e2aa2a18f53c446");
}

TEST_CASE("device names hold both normal forms and KOReader's own name") {
  auto names = device_names({"path/\u00c9luard.epub", "\u00c9luard.epub"}, "What? A: Title.", "Ada Lark", ".epub");
  CHECK(names == std::vector<std::string>{"\u00c9luard.epub", "E\u0301luard.epub", "Ada Lark - What_ A_ Title.epub"});
  CHECK(device_names({}, "T", "", "kepub.epub") == std::vector<std::string>{"T.kepub.epub", "T.epub"});
  CHECK(device_names({}, "", "", "epub").empty());
}
