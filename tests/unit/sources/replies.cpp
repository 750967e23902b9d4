#include "replies.hpp"

#include <catch2/catch.hpp>

namespace carrel::test {

src::question example() {
  src::question q;
  q.title = "The Example";
  q.authors = {"A. Writer"};
  q.isbn_13 = "9780306406157";
  q.language = "en";
  return q;
}

src::question audio_example() {
  src::question q = example();
  q.isbn_13.clear();
  q.asin = "B00EXAMPLE";
  q.audio = true;
  return q;
}

namespace {

const std::string google_info = R"("title":"The Example","subtitle":"A Story","authors":["A. Writer"],"publisher":"Some House",
  "publishedDate":"2014-03","industryIdentifiers":[{"type":"OTHER","identifier":"UOM:39015"},
  {"type":"ISBN_10","identifier":"0306406152"},{"type":"ISBN_13","identifier":"9780306406157"}],
  "pageCount":342,"printedPageCount":350,"printType":"BOOK","averageRating":4.5,"ratingsCount":12,"maturityRating":"NOT_MATURE",
  "language":"en","imageLinks":{"smallThumbnail":"http://books.example/c?id=1&zoom=5&edge=curl&source=x",
  "thumbnail":"http://books.example/c?id=1&printsec=frontcover&img=1&zoom=1&edge=curl&source=x","large":"http://books.example/page3"},
  "seriesInfo":{"bookDisplayNumber":"2","volumeSeries":[{"seriesId":"abc","orderNumber":2}]},
  "infoLink":"https://books.example/info","canonicalVolumeLink":"https://books.example/canonical")";

}  // namespace

std::string google_list() {
  return R"({"kind":"books#volumes","totalItems":400,"items":[{"kind":"books#volume","id":"aBcD0123xyzC","volumeInfo":{)" +
         google_info + R"(,"description":"Text that is cut","categories":["Fiction"]}}]})";
}

std::string google_volume() {
  return R"({"kind":"books#volume","id":"aBcD0123xyzC","volumeInfo":{)" + google_info +
         R"(,"description":"<p>Text with <b>simple</b> HTML<script>alert(1)</script></p>",
            "categories":["Fiction / Fantasy / Epic","Fiction / General"]}})";
}

std::string open_library_search() {
  return R"({"numFound":1,"start":0,"docs":[{"key":"/works/OL45W","title":"The Example","author_name":["A. Writer"],
    "author_key":["OL1A"],"first_publish_year":2009,"edition_count":7,"cover_i":8231996,"cover_edition_key":"OL123M",
    "isbn":["9780140328721","9780306406157","0306406152"],"language":["ger","eng"],"number_of_pages_median":300,
    "publisher":["Other House","Some House"],"subject":["Fiction","Magic","nyt:list=1","Accessible book"],
    "series_name":["Examples"],"series_position":["2"],"ratings_average":4.1,"ratings_count":7,
    "editions":{"numFound":1,"start":0,"docs":[{"key":"/books/OL123M","title":"The Example","language":["eng"],
      "isbn":["9780306406157"],"publisher":["Some House"],"publish_date":["March 2014"],"cover_i":555}]}}]})";
}

std::string open_library_edition() {
  return R"({"key":"/books/OL123M","title":"The Example","subtitle":"a story","authors":[{"key":"/authors/OL1A"}],
    "works":[{"key":"/works/OL45W"}],"publishers":["Some House"],"publish_date":"March 2014","number_of_pages":342,
    "isbn_10":["0306406152"],"isbn_13":["9780306406157"],"covers":[-1,null,8231997],"languages":[{"key":"/languages/eng"}],
    "series":["Examples -- 2"],"description":{"type":"/type/text","value":"About <i>it</i>."},"physical_format":"Paperback",
    "subjects":["Fiction"],"identifiers":{"goodreads":["1"],"amazon":["B00ABCDEFG"]},"by_statement":"A. Writer"})";
}

std::string open_library_work() {
  return R"({"key":"/works/OL45W","title":"The Example","description":"Of the work.","subjects":["Fantasy fiction","Magic"],
    "covers":[99],"first_publish_date":"May 3, 2009","authors":[{"author":{"key":"/authors/OL1A"},"type":{"key":"/type/author_role"}}]})";
}

std::string hardcover_editions() {
  return R"({"data":{"editions":[
    {"id":500,"book_id":1023,"title":"Das Beispiel","isbn_10":null,"isbn_13":"9783161484100","asin":null,"pages":400,
     "audio_seconds":null,"reading_format_id":1,"edition_format":"Hardcover","users_count":900,"language":{"code2":"de","code3":"deu"},
     "book":{"id":1023,"title":"The Example","slug":"the-example","canonical_id":null,"users_count":4100,"cached_contributors":[]}},
    {"id":30406,"book_id":1023,"title":"The Example","isbn_10":null,"isbn_13":"9780306406157","asin":"B00EXAMPLE","pages":null,
     "audio_seconds":36000,"reading_format_id":2,"edition_format":"Audible","users_count":200,"language":{"code2":"en","code3":"eng"},
     "book":{"id":1023,"title":"The Example","slug":"the-example","canonical_id":null,"users_count":4100,
             "cached_contributors":[{"author":{"name":"A. Writer"},"contribution":null}]}},
    {"id":30405,"book_id":1023,"title":"The Example","isbn_10":"0306406152","isbn_13":"9780306406157","asin":null,"pages":342,
     "audio_seconds":null,"reading_format_id":1,"edition_format":"Paperback","users_count":190,"language":{"code2":"en","code3":"eng"},
     "book":{"id":1023,"title":"The Example","slug":"the-example","canonical_id":null,"users_count":4100,
             "cached_contributors":[{"author":{"name":"A. Writer"},"contribution":null}]}}]}})";
}

std::string hardcover_search() {
  return R"({"data":{"search":{"ids":["1023"],"error":null,"results":{"found":1,"hits":[{"document":{"id":"1023","slug":"the-example",
    "title":"The Example","author_names":["A. Writer"],"isbns":["9780140328721"],"pages":342,"release_year":2009,
    "genres":["Fantasy","sci-fi"],"moods":["dark"],"tags":["Dragons"],"series_names":["Examples"],
    "featured_series":{"position":2,"series":{"id":7,"name":"Examples","slug":"examples"}},
    "image":{"url":"https://assets.example/b.jpg","width":400,"height":600},"rating":4.25,"ratings_count":30,"users_count":4100,
    "description":"From the search.","compilation":false},"highlight":{}}]}}}})";
}

std::string hardcover_book() {
  return R"({"data":{"books":[{"id":1023,"slug":"the-example","title":"The Example","subtitle":"A Story","headline":"h",
    "description":"All about **it**.","pages":350,"audio_seconds":36100,"release_date":"2009-05-03","release_year":2009,"rating":"4.25",
    "ratings_count":30,"users_count":4100,"canonical_id":null,"compilation":false,
    "cached_contributors":[{"author":{"id":1,"name":"A. Writer","slug":"a-writer"},"contribution":null},
      {"author":{"name":"T. Ranslator"},"contribution":"Translator"}],
    "cached_tags":{"Genre":[{"tag":"Fiction","category":"Genre","count":30},{"tag":"Fantasy","category":"Genre","count":40},
      {"tag":"Epic","category":"Genre","count":5},{"tag":"Magic","category":"Genre","count":4},{"tag":"Once","category":"Genre","count":1}],
      "Mood":[{"tag":"dark","count":3}],"Content Warning":[{"tag":"Blood","count":9}],"Tag":[{"tag":"Dragons","count":2}]},
    "cached_image":{"id":1,"url":"https://assets.example/b.jpg","width":400,"height":600},
    "featured_book_series":{"position":1.5,"series":{"id":7,"name":"Examples","primary_books_count":3}}}]}})";
}

std::string hardcover_edition() {
  return R"({"data":{"editions":[{"id":30405,"book_id":1023,"title":"The Example","subtitle":null,"isbn_10":"0306406152",
    "isbn_13":"9780306406157","asin":null,"pages":342,"audio_seconds":null,"reading_format_id":1,"edition_format":"Paperback",
    "release_date":"2014-03-02","release_year":2014,"cached_contributors":[{"author":{"name":"A. Writer"},"contribution":"Author"}],
    "cached_image":"{\"url\":\"https://assets.example/e.jpg\",\"width\":800,\"height\":1200}",
    "language":{"code2":"en","code3":"eng","language":"English"},"publisher":{"name":"Some House"}}]}})";
}

std::string hardcover_series() {
  return R"({"data":{"book_series":[{"position":0,"featured":false,"series":{"id":8,"name":"Prequels","primary_books_count":2}},
    {"position":1.5,"featured":true,"series":{"id":7,"name":"Examples","primary_books_count":3}}]}})";
}

std::string audnexus_book() {
  return R"({"asin":"B00EXAMPLE","title":"The Example","subtitle":"A Story","authors":[{"asin":"B000AP9A6K","name":"A. Writer"},
    {"name":"T. Ranslator - translator"}],"narrators":[{"name":"N. Arrator"}],"publisherName":"Sound House",
    "summary":"<p>Heard <b>well</b></p>","description":"Heard well","releaseDate":"2014-03-02T00:00:00.000Z",
    "image":"https://m.example/i.jpg","isbn":"9780306406157","language":"english","runtimeLengthMin":600,"formatType":"unabridged",
    "genres":[{"asin":"1","name":"Science Fiction & Fantasy","type":"genre"},{"asin":"2","name":"Dragons","type":"tag"}],
    "seriesPrimary":{"asin":"s1","name":"Examples","position":"2, Dramatized Adaptation"},
    "seriesSecondary":{"asin":"s2","name":"World","position":"1-3"},"rating":"4.7","isAdult":false,"region":"us"})";
}

std::string custom_matches() {
  return R"({"matches":[{"title":"The Example","subtitle":"A Story","author":"A. Writer, B. Other","narrator":"N. Arrator",
    "publisher":"Some House","publishedYear":"2014","description":"Plain","cover":"https://mine.example/c.jpg","isbn":"9780306406157",
    "asin":"B00EXAMPLE","genres":"Fantasy, General","tags":["Dragons"],"series":[{"series":"Examples","sequence":"2"}],
    "language":"English","duration":600}]})";
}

src::reply ok(std::string body) {
  src::reply r;
  r.status = 200;
  r.body = std::move(body);
  return r;
}

talk_result held(src::conversation& talk, const book_of_replies& replies) {
  talk_result out;
  while (std::optional<src::ask> asked = talk.next()) {
    out.asked.push_back(*asked);
    REQUIRE(out.asked.size() <= 6);
    src::reply answer;
    answer.status = 404;
    for (const auto& [key, reply] : replies) {
      if (asked->target.find(key) == std::string::npos && asked->body.find(key) == std::string::npos) continue;
      answer = reply;
      break;
    }
    talk.answer(answer);
  }
  out.found = talk.found();
  return out;
}

talk_result held(const std::string& source, const src::question& asked, const book_of_replies& replies,
                 const src::preferences& settings) {
  std::unique_ptr<src::conversation> talk = src::converse(source, asked, settings);
  REQUIRE(talk);
  return held(*talk, replies);
}

}  // namespace carrel::test
