#pragma once
// What the catalog says when it cannot do what it is asked to, in the languages of its readers. Internal to opds.

#include <array>
#include <string>
#include <string_view>

#include "opds/words.hpp"
#include "server/http/message.hpp"

namespace carrel::opds {

// Problems are thrown in English, and turned where they are answered. The last part are those of the layers below.
inline constexpr std::array problem_words{
    translated{"There is nothing at this address.", "Unter dieser Adresse gibt es nichts.", "Il n’y a rien à cette adresse."},
    translated{"There is nothing at this address. The catalog is at {}.",
               "Unter dieser Adresse gibt es nichts. Der Katalog liegt unter {}.",
               "Il n’y a rien à cette adresse. Le catalogue se trouve à {}."},
    translated{"The catalog is switched off on this server.", "Der Katalog ist auf diesem Server ausgeschaltet.",
               "Le catalogue est désactivé sur ce serveur."},
    translated{"There is no such list.", "Diese Liste gibt es nicht.", "Cette liste n’existe pas."},
    translated{"This list is for devices.", "Diese Liste ist für Geräte.", "Cette liste est destinée aux appareils."},
    translated{"The page address is damaged or of another list.",
               "Die Seitenadresse ist beschädigt oder gehört zu einer anderen Liste.",
               "L’adresse de la page est endommagée ou appartient à une autre liste."},
    translated{"The search took too long. Please try fewer or other words.",
               "Die Suche hat zu lange gedauert. Bitte versuche es mit weniger oder anderen Wörtern.",
               "La recherche a pris trop de temps. Essayez avec moins de mots ou d’autres mots."},
    translated{"There is no such book.", "Dieses Buch gibt es nicht.", "Ce livre n’existe pas."},
    translated{"There is no such file.", "Diese Datei gibt es nicht.", "Ce fichier n’existe pas."},
    translated{"The file is missing.", "Die Datei fehlt.", "Le fichier est introuvable."},
    translated{"There is no such cover.", "Diesen Umschlag gibt es nicht.", "Cette couverture n’existe pas."},
    translated{"There is no cover of that size.", "In dieser Größe gibt es keinen Umschlag.",
               "Il n’y a pas de couverture de cette taille."},
    translated{"The cover is missing.", "Der Umschlag fehlt.", "La couverture est introuvable."},
    translated{"There is no such page.", "Diese Seite gibt es nicht.", "Cette page n’existe pas."},
    translated{"A page is named by its number.", "Eine Seite wird mit ihrer Zahl genannt.",
               "Une page se désigne par son numéro."},
    translated{"This page cannot be shown.", "Diese Seite kann nicht gezeigt werden.", "Cette page ne peut pas être affichée."},
    translated{"This book cannot be read without downloading it.", "Dieses Buch kann nur heruntergeladen gelesen werden.",
               "Ce livre ne peut pas être lu sans être téléchargé."},
    translated{"There is no such part of this book.", "Diesen Teil hat das Buch nicht.", "Ce livre n’a pas cette partie."},
    translated{"This part of the book cannot be read.", "Dieser Teil des Buchs kann nicht gelesen werden.",
               "Cette partie du livre ne peut pas être lue."},
    translated{"This account may not download books.", "Dieses Konto darf keine Bücher herunterladen.",
               "Ce compte ne peut pas télécharger de livres."},
    translated{"This device is downloading as many files as it may at once. Please wait for one to end.",
               "Dieses Gerät lädt so viele Dateien auf einmal, wie es darf. Bitte warte, bis eine fertig ist.",
               "Cet appareil télécharge déjà autant de fichiers que permis. Attendez que l’un d’eux soit terminé."},
    translated{"Too much is being read at this moment. Please try again.",
               "Im Augenblick wird zu viel gelesen. Bitte versuche es noch einmal.",
               "Trop de lectures sont en cours. Veuillez réessayer."},
    translated{"The document cannot be used: {}.", "Das Dokument ist nicht zu gebrauchen: {}.",
               "Le document est inutilisable : {}."},
    translated{"The type of the document has to be {}.", "Das Dokument muss vom Typ {} sein.",
               "Le document doit être du type {}."},
    translated{"A more recent progression point is already available.", "Es gibt schon einen neueren Lesestand.",
               "Une position plus récente existe déjà."},

    translated{"This account is switched off.", "Dieses Konto ist ausgeschaltet.", "Ce compte est désactivé."},
    translated{"This device may not be used for that.", "Dieses Gerät darf dafür nicht benutzt werden.",
               "Cet appareil ne peut pas servir à cela."},
    translated{"This address does not take that method.", "Diese Adresse nimmt diese Methode nicht an.",
               "Cette adresse n’accepte pas cette méthode."},
    translated{"The address is malformed.", "Die Adresse ist fehlerhaft.", "L’adresse est mal formée."},
    translated{"The body is too large.", "Der Inhalt ist zu groß.", "Le contenu est trop volumineux."},
    translated{"The body took too long to arrive.", "Der Inhalt kam zu langsam an.", "Le contenu a mis trop de temps à arriver."},
    translated{"The answer took too long.", "Die Antwort hat zu lange gedauert.", "La réponse a pris trop de temps."},
    translated{"The database is away. Please try again in a few seconds.",
               "Die Datenbank ist nicht da. Bitte versuche es in ein paar Sekunden noch einmal.",
               "La base de données est absente. Veuillez réessayer dans quelques secondes."},
    translated{"Something went wrong. The log has more under {}.", "Etwas ist schiefgegangen. Mehr steht im Protokoll unter {}.",
               "Une erreur s’est produite. Le journal en dit plus sous {}."},
};

// The English sentence as it is said in that language; one that is not in the table stays as it is.
std::string told(tongue, std::string_view english);

// Of an answer to this request: the account's choice where it is known, else what the app accepts.
tongue tongue_for(const http::context&);

}  // namespace carrel::opds
