// What the catalog says when it cannot do what it was asked to, and how to sign in, in the reader's language
// (opds.md 3.3, 4.3, 6.3).
#include <catch2/catch.hpp>

#include "tests/integration/opds/judges.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

const std::string nobody = "00000000-0000-7000-8000-00000000ffff";

void choose_language(world& w, const std::string& language) {
  w.change([&](db::tx& tx) {
    tx.run({"test.choose_the_language", "update users set language = $2 where id = $1"}, w.owner.user, language);
  });
}

bool says(const reply& r, const std::string& words) { return r.body.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("the authentication document and every 401 speak the language that the app accepts, under one id") {
  world w;
  auto http = w.anonymous();
  struct spoken {
    std::string accept, login;
  };
  for (const spoken& s : {spoken{"", "Device user name"}, spoken{"de-AT, en;q=0.5", "Benutzername des Geräts"},
                          spoken{"fr", "Nom d’utilisateur de l’appareil"}, spoken{"xx", "Device user name"}}) {
    INFO(s.accept);
    reply document = http->get("/opds/auth.json", {{"Accept-Language", s.accept}});
    CHECK(says(document, s.login));
    CHECK(says(document, "\"id\":\"" + w.base() + "/opds/auth.json\""));
    CHECK(document.header("Vary").find("Accept-Language") != std::string::npos);
    CHECK(refused_json("auth", document.body) == "");
    for (const char* path : {"/opds", "/opds/v2/new", "/opds/books/0/progression"}) {
      INFO(path);
      reply r = http->get(path, {{"Accept-Language", s.accept}});
      CHECK(r.status == 401);
      CHECK(r.body == document.body);
    }
  }
}

TEST_CASE("the search description is in the reader's language, each form under a tag of its own") {
  world w;
  auto http = w.as(w.owner);
  reply english = http->get("/opds/search.xml"), french = http->get("/opds/search.xml", {{"Accept-Language", "fr"}});
  CHECK(says(english, "Search titles, authors"));
  CHECK(says(french, "Rechercher des titres"));
  CHECK(french.header("ETag") != english.header("ETag"));
  CHECK(french.header("Vary").find("Accept-Language") != std::string::npos);
  CHECK(refused({french.body, english.body}) == "");
  choose_language(w, "de");
  CHECK(says(http->get("/opds/search.xml", {{"Accept-Language", "fr"}}), "Titel, Autoren"));
}

TEST_CASE("a refusal is one line in the language that the account has chosen, else the one that the app accepts") {
  world w;
  made_book b = w.add({.title = "Tide"});
  auto http = w.as(w.owner);
  struct refusal {
    std::string path;
    int status;
    std::string german, french;
  };
  const std::vector<refusal> all{
      {"/opds/authors/" + nobody, 404, "Diese Liste gibt es nicht.", "Cette liste n’existe pas."},
      {"/opds/v2/books/" + nobody, 404, "Dieses Buch gibt es nicht.", "Ce livre n’existe pas."},
      {"/opds/new?after=x", 400, "Die Seitenadresse ist beschädigt", "L’adresse de la page est endommagée"},
      {"/opds/nowhere", 404, "Der Katalog liegt unter " + w.base() + "/opds.", "Le catalogue se trouve à " + w.base() + "/opds."},
      {"/opds/dl/" + nobody + "/x.epub", 404, "Diese Datei gibt es nicht.", "Ce fichier n’existe pas."},
      {"/opds/pse/" + b.file.text() + "/x", 400, "Eine Seite wird mit ihrer Zahl genannt.",
       "Une page se désigne par son numéro."},
      {"/covers/" + b.id.text() + "/300", 404, "Diesen Umschlag gibt es nicht.", "Cette couverture n’existe pas."}};
  for (const refusal& r : all) {
    INFO(r.path);
    reply german = http->get(r.path, {{"Accept-Language", "de"}}), french = http->get(r.path, {{"Accept-Language", "fr-CH"}});
    CHECK(german.status == r.status);
    CHECK(says(german, r.german));
    CHECK(says(french, r.french));
    CHECK(std::count(german.body.begin(), german.body.end(), '\n') == 1);
    CHECK(german.header("Content-Type") == "text/plain;charset=utf-8");
  }
  choose_language(w, "fr");
  CHECK(says(http->get(all.front().path, {{"Accept-Language", "de"}}), all.front().french));
  reply method = http->send("DELETE", "/opds/new", {{"Accept-Language", "de"}, {"Content-Length", "0"}});
  CHECK(method.status == 405);
  CHECK(says(method, "nimmt diese Methode nicht an"));  // who asks is not looked at for a method that nobody may use
}

TEST_CASE("problem details of a place say the same, and their type does not change") {
  world w;
  made_book b = w.add({.title = "Tide"});
  auto http = w.as(w.owner);
  http->always.emplace_back("Accept-Language", "de");
  std::string path = "/opds/books/" + b.id.text() + "/progression", type = "application/opds-progression+json";
  reply missing = http->get("/opds/books/" + nobody + "/progression"), bad = http->put(path, "{}", type),
        other = http->put(path, "{}", "text/html");
  CHECK(missing.status == 404);
  CHECK(says(missing, "\"type\":\"about:blank\""));
  CHECK(says(missing, "Dieses Buch gibt es nicht."));
  CHECK(bad.status == 400);
  CHECK(says(bad, "progression-invalid-payload"));
  CHECK(says(bad, "Das Dokument ist nicht zu gebrauchen: "));
  CHECK(other.status == 415);
  CHECK(says(other, "Das Dokument muss vom Typ " + type + " sein."));
  for (const reply& r : {missing, bad, other}) CHECK(refused_json("problem", r.body) == "");
}
