"""The simulation's words: those of each emotion, and neutral ones.

There are so few that each occurs at least five times in a training split of about 700 posts;
otherwise the rule on rare words would remove the informative ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EMOTIONS = (
    "amusement",
    "anger",
    "awe",
    "contentment",
    "disgust",
    "excitement",
    "fear",
    "sadness",
)
NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "amusement": ("excitement", "contentment"),
    "anger": ("disgust", "fear"),
    "awe": ("contentment", "excitement"),
    "contentment": ("awe", "amusement"),
    "disgust": ("anger", "fear"),
    "excitement": ("amusement", "awe"),
    "fear": ("sadness", "anger"),
    "sadness": ("fear", "contentment"),
}
"""The emotions that each one is confused with."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Adjectives and nouns for sentences, and raw tags for tag lists."""

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    tags: tuple[str, ...]


def _words(adjectives: str, nouns: str, tags: str) -> Words:
    return Words(
        adjectives=tuple(adjectives.split()),
        nouns=tuple(nouns.split()),
        tags=tuple(tags.split(", ")),
    )


WORDS: Mapping[str, Words] = {
    "amusement": _words(
        "funny silly hilarious goofy playful",
        "clown joke prank carnival laughter puppet",
        "funny, humor, clown, Carnival, joke, silly, laugh, fun",
    ),
    "anger": _words(
        "furious hostile angry outraged violent",
        "protest riot fight rage argument police",
        "protest, anger, riot, rage, angry, demonstration, Police, fight",
    ),
    "awe": _words(
        "majestic breathtaking immense grand spectacular",
        "canyon mountain waterfall glacier galaxy summit",
        "majestic, mountains, epic, waterfall, Milky Way, Grand Canyon, glacier, vast",
    ),
    "contentment": _words(
        "peaceful calm cozy serene relaxed",
        "garden sofa meadow tea picnic blanket",
        "peaceful, calm, relax, serenity, garden, cozy, quiet, Meadow",
    ),
    "disgust": _words(
        "disgusting rotten filthy gross nasty",
        "garbage stench toilet vomit filth sewage",
        "gross, disgusting, rotten, trash, dirty, slime, Mold, bugs",
    ),
    "excitement": _words(
        "thrilling wild exciting electric energetic",
        "race concert rollercoaster festival jump stadium",
        "excitement, Concert, race, thrill, festival, speed, Roller Coaster, jump",
    ),
    "fear": _words(
        "scary creepy haunted frightening eerie",
        "ghost nightmare spider shadow monster graveyard",
        "scary, Horror, creepy, haunted, fear, ghost, spider, nightmare",
    ),
    "sadness": _words(
        "lonely sad heartbroken tearful gloomy",
        "funeral grief tears farewell loss sorrow",
        "sad, lonely, grief, alone, tears, Loss, depression, melancholy",
    ),
}
NEUTRAL = _words(
    "old small wide narrow ordinary plain round wooden",
    "street table window bridge door car bench road building fence",
    "Nikon, Canon, 50mm, street, City, travel, 2011, color, light, outdoor, people, house, "
    "black and white, Photo, europe, window, Explore, closeup, digital, summer, winter, building",
)
PLACES = (
    "station",
    "harbor",
    "library",
    "market",
    "school",
    "museum",
    "church",
    "airport",
    "river",
    "beach",
    "park",
    "village",
    "castle",
    "farm",
    "office",
    "theater",
    "island",
    "tower",
    "hotel",
    "square",
)
TIMES = ("morning", "afternoon", "evening", "night", "weekend", "day")
SEASONS = ("spring", "summer", "autumn", "winter")
PEOPLE = ("sister", "brother", "neighbor", "friend", "uncle", "cousin", "teacher", "daughter")
LENSES = ("wide", "fast", "cheap", "long", "new", "borrowed")
RARE_TAGS = tuple(
    f"{place}{number}" for place in ("gallery", "album", "project", "walk") for number in range(30)
)
"""Tags of owners who use many tags; each is too rare to count."""
MACHINE_TAGS = (
    "geo:tagged=1",
    "camera:model=D90",
    "uploaded:by=flickrmobile",
    "foursquare:venue=4B0588F8",
    "lens:focal=50 mm",
)

CUED = (
    "We came for the {place} and found this {adjective} {noun}.",
    "The {noun} looked so {adjective} from the {place}.",
    "I still think of the {noun} and how {adjective} it all felt.",
    "Nobody expected the {noun} to be this {adjective}.",
    "What you see here is the {noun}, {adjective} as ever.",
    "My {person} said that the {noun} was {adjective}, and I agree.",
    "For me this {noun} was the most {adjective} part of the {time}.",
)
"""Sentences with an adjective and a noun."""
FILLER = (
    "We walked along the {place} for the whole {time}.",
    "I took this with my old camera and a {lens} lens.",
    "My {person} was waiting for me near the {place}.",
    "The light changed every few minutes that {time}.",
    "Thank you all for your visits and comments.",
    "This is one of many pictures from our trip last {season}.",
    "There is more to say about it, but the picture should speak for itself.",
    "It was taken close to the {place}, just before the {season} was over.",
    "Please do not use this picture without asking me first.",
)
CUED_TITLES = ("{adjective} {noun}", "The {noun}", "A {noun} at the {place}", "So {adjective}")
PLAIN_TITLES = ("The {place} in {season}", "At the {place}", "{season} {time}", "IMG_{number}", "")
SHORT_TEXTS = (
    "Nice light",
    "The {place}",
    "{season} {time}",
    "My {person}",
    "DSC_{number}",
    "IMG_{number}",
)
FOREIGN = {
    "fr": (
        "Nous avons marché longtemps dans la vieille ville avant de rentrer à la maison.",
        "Cette photo a été prise avec mon appareil préféré pendant les vacances d'été.",
        "Merci beaucoup à tous pour vos visites et vos commentaires.",
        "Il faisait très beau ce jour-là et il y avait peu de monde sur la plage.",
    ),
    "de": (
        "Wir sind den ganzen Tag durch die Altstadt gelaufen und haben viel gesehen.",
        "Dieses Bild habe ich im letzten Sommer mit meiner neuen Kamera aufgenommen.",
        "Vielen Dank an alle für die Besuche und die netten Kommentare.",
        "Am Abend wurde es ruhig, und das Licht über dem Fluss war wunderschön.",
    ),
    "es": (
        "Caminamos toda la tarde por el centro de la ciudad con nuestros amigos.",
        "Esta foto la hice el verano pasado con mi cámara nueva cerca de la playa.",
        "Muchas gracias a todos por vuestras visitas y comentarios.",
        "Aquel día hacía mucho calor y las calles estaban llenas de gente.",
    ),
    "pt": (
        "Nós caminhamos a tarde inteira pelo centro da cidade com os nossos amigos.",
        "Esta fotografia foi tirada no verão passado com a minha nova câmera.",
        "Muito obrigado a todos pelas visitas e pelos comentários.",
        "Naquele dia não havia ninguém na praia e o mar estava muito bonito.",
    ),
    "it": (
        "Abbiamo camminato tutto il giorno per le strade della città vecchia.",
        "Questa fotografia è stata scattata la scorsa estate con la mia nuova macchina.",
        "Grazie mille a tutti per le visite e per i commenti.",
        "Quella sera il cielo era bellissimo e non c'era nessuno sulla spiaggia.",
    ),
}
"""Sentences in other languages, by language code."""
