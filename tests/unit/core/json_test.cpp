#include <catch2/catch.hpp>

#include "server/core/json.hpp"

using namespace carrel;

TEST_CASE("numbers come back as they were written") {
  for (const char* n : {"0.4213", "0", "1", "1.0", "-0.0003", "1e-05", "12345678901234567890123"}) {
    auto v = json::parse(n);
    REQUIRE(v);
    CHECK(json::dump(*v) == n);
  }
}

TEST_CASE("what is written reads back") {
  std::string text = R"({"a":[1,true,null,"x\"\\\n\u0001é"],"b":{"c":[]},"d":{}})";
  auto v = json::parse(text);
  REQUIRE(v);
  CHECK(json::dump(*v) == text);
}

TEST_CASE("members of the right type are taken, others are left") {
  auto o = json::read_object(R"({"s":"t","n":1.5,"i":7,"list":["a","b"],"mixed":["a",1],"b":true})");
  REQUIRE(o);
  std::string s = "before";
  double n = 0;
  std::int64_t i = 0;
  std::vector<std::string> list;
  bool b = false;
  CHECK(o->take("s", s));
  CHECK(s == "t");
  CHECK(o->take("n", n));
  CHECK(n == 1.5);
  CHECK(o->take("i", i));
  CHECK(o->take("list", list));
  CHECK(list.size() == 2);
  CHECK_FALSE(o->take("mixed", list));
  CHECK(o->take("b", b));
  CHECK_FALSE(o->take("n", s));
  CHECK_FALSE(o->take("missing", s));
  CHECK(s == "t");
}

TEST_CASE("bad documents fail by kind") {
  CHECK(json::parse("{").error() == json::failure::syntax);
  CHECK(json::parse("{} x").error() == json::failure::syntax);
  CHECK(json::parse("").error() == json::failure::syntax);
  CHECK(json::parse("nul").error() == json::failure::syntax);
  CHECK(json::parse("\"\xff\"").error() == json::failure::syntax);
  CHECK(json::parse(R"("\ud800")").error() == json::failure::lone_surrogate);
  CHECK(json::parse(R"("\udc00")").error() == json::failure::lone_surrogate);
  CHECK(json::parse(std::string(100, '[')).error() == json::failure::too_deep);
  CHECK(json::read_object("[]").error().field == "object");
  CHECK(json::read_object("x").error().field == "json");
}

TEST_CASE("text that is not UTF-8 is written with replacement characters") {
  CHECK(json::dump(json::value(std::string("a\xff"))) == "\"a\xef\xbf\xbd\"");
}

TEST_CASE("an object has at most a thousand members") {
  auto with = [](int members) {
    std::string text = "{";
    for (int i = 0; i < members; ++i) text.append(i == 0 ? "\"" : ",\"").append(std::to_string(i)).append("\":[]");
    return text + "}";
  };
  auto most = json::read_object(with(1000));
  REQUIRE(most);
  CHECK(most->size() == 1000);
  CHECK_FALSE(json::read_object(with(1001)));
  CHECK_FALSE(json::parse("[" + with(1001) + "]"));
}
