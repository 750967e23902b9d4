#pragma once
// The catalog's own words in the languages of its readers (opds.md 5.5). Internal to opds.

#include <array>
#include <string>
#include <string_view>

namespace carrel::opds {

enum class tongue { english, german, french };

std::string_view code_of(tongue);  // en, de, fr
// What the account has chosen, else the best of Accept-Language, else English.
tongue tongue_of(std::string_view chosen, std::string_view accepted);

struct translated {
  std::string_view english, german, french;
};
std::string worded(const translated&, tongue, std::string_view name = {});  // `name` in its gap
// {} stands for a name or a number.
inline constexpr std::array catalog_words{
    translated{"Continue reading", "Weiterlesen", "Continuer la lecture"},
    translated{"Books that you have begun", "Bücher, die du begonnen hast", "Livres que vous avez commencés"},
    translated{"On deck", "Als Nächstes", "À suivre"},
    translated{"What comes next in your series", "Was in deinen Reihen folgt", "La suite de vos séries"},
    translated{"New for {}", "Neu für {}", "Nouveau pour {}"},
    translated{"What this device has not fetched yet", "Was dieses Gerät noch nicht geholt hat",
               "Ce que cet appareil n’a pas encore récupéré"},
    translated{"For {}", "Für {}", "Pour {}"},
    translated{"Recently added", "Neu hinzugefügt", "Ajouts récents"},
    translated{"Newest books first", "Die neuesten Bücher zuerst", "Les livres les plus récents d’abord"},
    translated{"Shelves", "Regale", "Étagères"},
    translated{"Books put together by hand", "Von Hand zusammengestellte Bücher", "Livres réunis à la main"},
    translated{"{} book", "{} Buch", "{} livre"},
    translated{"{} books", "{} Bücher", "{} livres"},
    translated{"Shared by {}", "Geteilt von {}", "Partagée par {}"},
    translated{"Synchronised with {}", "Abgeglichen mit {}", "Synchronisée avec {}"},
    translated{"All books", "Alle Bücher", "Tous les livres"},
    translated{"Every book by title", "Jedes Buch nach Titel", "Chaque livre par titre"},
    translated{"Authors", "Autoren", "Auteurs"},
    translated{"Browse by author", "Nach Autoren stöbern", "Parcourir par auteur"},
    translated{"Authors beginning with {}", "Autoren mit {}", "Auteurs commençant par {}"},
    translated{"Books by {}", "Bücher von {}", "Livres de {}"},
    translated{"Series", "Reihen", "Séries"},
    translated{"Browse by series", "Nach Reihen stöbern", "Parcourir par série"},
    translated{"Series beginning with {}", "Reihen mit {}", "Séries commençant par {}"},
    translated{"Books of the series {}", "Bücher der Reihe {}", "Livres de la série {}"},
    translated{"Genres", "Genres", "Genres"},
    translated{"Browse by genre", "Nach Genres stöbern", "Parcourir par genre"},
    translated{"Genres beginning with {}", "Genres mit {}", "Genres commençant par {}"},
    translated{"Books of the genre {}", "Bücher des Genres {}", "Livres du genre {}"},
    translated{"Tags", "Schlagwörter", "Étiquettes"},
    translated{"Browse by tag", "Nach Schlagwörtern stöbern", "Parcourir par étiquette"},
    translated{"Tags beginning with {}", "Schlagwörter mit {}", "Étiquettes commençant par {}"},
    translated{"Books tagged {}", "Bücher mit dem Schlagwort {}", "Livres avec l’étiquette {}"},
    translated{"Languages", "Sprachen", "Langues"},
    translated{"Browse by language", "Nach Sprachen stöbern", "Parcourir par langue"},
    translated{"Books in {}", "Bücher auf {}", "Livres en {}"},
    translated{"Publishers", "Verlage", "Éditeurs"},
    translated{"Browse by publisher", "Nach Verlagen stöbern", "Parcourir par éditeur"},
    translated{"Publishers beginning with {}", "Verlage mit {}", "Éditeurs commençant par {}"},
    translated{"Books published by {}", "Bücher des Verlags {}", "Livres publiés par {}"},
    translated{"Formats", "Formate", "Formats"},
    translated{"Browse by format", "Nach Formaten stöbern", "Parcourir par format"},
    translated{"Books as {}", "Bücher als {}", "Livres au format {}"},
    translated{"Ratings", "Bewertungen", "Notes"},
    translated{"Browse by your stars", "Nach deinen Sternen stöbern", "Parcourir par vos étoiles"},
    translated{"{} star", "{} Stern", "{} étoile"},
    translated{"{} stars", "{} Sterne", "{} étoiles"},
    translated{"Books that you gave {}", "Bücher, denen du gegeben hast: {}", "Livres à qui vous avez donné {}"},
    translated{"Popular", "Beliebt", "Populaires"},
    translated{"What is read most at present", "Was gerade am meisten gelesen wird", "Ce qu’on lit le plus en ce moment"},
    translated{"Years", "Jahre", "Années"},
    translated{"Browse by year of publication", "Nach Erscheinungsjahren stöbern", "Parcourir par année de parution"},
    translated{"{}s", "{}er", "Années {}"},
    translated{"Published in the {}s", "Erschienen in den {}ern", "Parus dans les années {}"},
    translated{"Published in {}", "Erschienen {}", "Parus en {}"},
    translated{"Libraries", "Bibliotheken", "Bibliothèques"},
    translated{"Browse by library", "Nach Bibliotheken stöbern", "Parcourir par bibliothèque"},
    translated{"Books of the library {}", "Bücher der Bibliothek {}", "Livres de la bibliothèque {}"},
    translated{"Surprise me", "Überrasche mich", "Surprenez-moi"},
    translated{"Books in no order", "Bücher ohne Ordnung", "Livres sans ordre"},
    translated{"The others", "Die übrigen", "Les autres"},
    translated{"Search", "Suche", "Recherche"},
    translated{"Full details", "Alle Angaben", "Tous les détails"},
    translated{"Read online", "Online lesen", "Lire en ligne"},
    translated{"Listen online", "Online hören", "Écouter en ligne"},
    translated{"Order", "Reihenfolge", "Ordre"},
    translated{"Relevance", "Relevanz", "Pertinence"},
    translated{"Date added", "Hinzugefügt am", "Date d’ajout"},
    translated{"Title", "Titel", "Titre"},
    translated{"Author", "Autor", "Auteur"},
    translated{"Year", "Jahr", "Année"},
    translated{"Rating", "Bewertung", "Note"},
    translated{"Shelf order", "Wie im Regal", "Ordre de l’étagère"},
    translated{"Language", "Sprache", "Langue"},
    translated{"All languages", "Alle Sprachen", "Toutes les langues"},
    translated{"Format", "Format", "Format"},
    translated{"All formats", "Alle Formate", "Tous les formats"},
    translated{"Reading", "Lesestand", "Lecture"},
    translated{"Unread", "Ungelesen", "Non lus"},
    translated{"Begun", "Begonnen", "En cours"},
    translated{"Finished", "Beendet", "Terminés"},
    translated{"Library", "Bibliothek", "Bibliothèque"},
    translated{"All libraries", "Alle Bibliotheken", "Toutes les bibliothèques"},
    translated{"Search titles, authors, series, tags and identifiers",
               "Titel, Autoren, Reihen, Schlagwörter und Kennungen durchsuchen",
               "Rechercher des titres, auteurs, séries, étiquettes et identifiants"},
    translated{"Use the user name and password of this device (Devices, Add).",
               "Melde dich mit Benutzername und Passwort dieses Geräts an (Geräte, Hinzufügen).",
               "Utilisez le nom d’utilisateur et le mot de passe de cet appareil (Appareils, Ajouter)."},
    translated{"Device user name", "Benutzername des Geräts", "Nom d’utilisateur de l’appareil"},
    translated{"Device password", "Passwort des Geräts", "Mot de passe de l’appareil"},
};

// A text by its English form. One that is not in the table does not compile.
class phrase {
 public:
  consteval phrase(const char* english) {  // NOLINT(google-explicit-constructor): written where it is shown
    while (catalog_words.at(at_).english != english) ++at_;
  }
  std::string in(tongue, std::string_view name = {}) const;

 private:
  std::size_t at_ = 0;
};

std::string stars_shown(int stars, tongue);

}  // namespace carrel::opds
