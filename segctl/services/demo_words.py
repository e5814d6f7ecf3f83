"""The words the demo workspace is made of: names, places, trades and goods. Everything is invented.

Web addresses end in `.example`, which no one can register, and telephone numbers are too short to
ring anywhere.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    name: str
    region: str
    timezone: str
    weight: int


@dataclass(frozen=True, slots=True)
class Country:
    """`code` is ISO 3166, `weight` its share of the workspace, `dial` the telephone prefix."""

    code: str
    weight: int
    currency: str
    dial: str
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]
    cities: tuple[City, ...]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(";"))


def _country(
    code: str, weight: int, currency: str, dial: str, names: tuple[str, str, str], cities: str
) -> Country:
    """`names` are women's, men's and surnames; `cities` has one `name, region, timezone, weight` a
    line."""
    women, men, surnames = map(_listed, names)
    parsed = []
    for line in cities.strip().splitlines():
        name, region, timezone, share = (word.strip() for word in line.split(","))
        parsed.append(City(name, region, timezone, int(share)))
    return Country(code, weight, currency, dial, women, men, surnames, tuple(parsed))


COUNTRIES: tuple[Country, ...] = (
    _country(
        "US",
        24,
        "USD",
        "+1 555",
        (
            "Emma;Olivia;Ava;Sophia;Grace;Hannah;Madison;Zoe;Naomi;Ruth;Imani;Paige;Mei;Rosa;Kayla",
            "Liam;Noah;Ethan;Mason;Logan;Caleb;Dylan;Marcus;Owen;Isaac;Darnell;Wesley;Tyler;Kenji;Luis",
            "Adams;Brooks;Carter;Diaz;Ellis;Foster;Greene;Hayes;Jenkins;Kim;Lawson;Mitchell;Nguyen;"
            "O'Brien;Patel;Quinn;Ramirez;Sanders;Turner;Vaughn;Washington;Young",
        ),
        """New York, New York, America/New_York, 9
        Chicago, Illinois, America/Chicago, 5
        Austin, Texas, America/Chicago, 4
        Denver, Colorado, America/Denver, 3
        Portland, Oregon, America/Los_Angeles, 3
        San Francisco, California, America/Los_Angeles, 5""",
    ),
    _country(
        "DE",
        15,
        "EUR",
        "+49 555",
        (
            "Anna;Lena;Marie;Johanna;Katrin;Jule;Silke;Annika;Käthe;Ilse;Aylin;Frauke;Sabine",
            "Jörg;Lukas;Jonas;Björn;Götz;Matthias;Stefan;Jürgen;Emre;Klaus;Moritz;Sören;Uwe",
            "Müller;Schäfer;Weiß;Krüger;Böhm;Vogel;Jäger;Lange;Großmann;Kühn;Peters;Yılmaz;Brandt;"
            "Hübner;Seidel;Schröder;Ziegler;Neumann",
        ),
        """Berlin, Berlin, Europe/Berlin, 8
        Hamburg, Hamburg, Europe/Berlin, 5
        München, Bayern, Europe/Berlin, 6
        Köln, Nordrhein-Westfalen, Europe/Berlin, 4
        Leipzig, Sachsen, Europe/Berlin, 2""",
    ),
    _country(
        "GB",
        13,
        "GBP",
        "+44 555",
        (
            "Amelia;Isla;Poppy;Charlotte;Siân;Niamh;Fiona;Priya;Gemma;Beth;Zara;Orla;Harriet",
            "Oliver;George;Harry;Alfie;Rhys;Callum;Hamish;Imran;Seán;Toby;Kwame;Duncan;Piers",
            "Ashworth;Bennett;Clarke;Davies;Evans;Fraser;Griffiths;Hughes;Khan;Lloyd;MacLeod;"
            "Okafor;Pritchard;Shah;Thompson;Whitaker;Wright",
        ),
        """London, England, Europe/London, 9
        Manchester, England, Europe/London, 4
        Bristol, England, Europe/London, 3
        Edinburgh, Scotland, Europe/London, 3
        Cardiff, Wales, Europe/London, 2""",
    ),
    _country(
        "FR",
        10,
        "EUR",
        "+33 555",
        (
            "Chloé;Zoé;Léa;Maëlle;Hélène;Inès;Amélie;Noémie;Béatrice;Fatou;Élodie;Anaïs",
            "Loïc;Rémi;Étienne;Benoît;Jérôme;Gaël;Mathéo;Théo;Cédric;Hugo;Ousmane;François",
            "Lefèvre;Girard;Bérenger;Moreau;Garçon;Dupré;Hébert;Lemaître;Rousseau;Diallo;Faure;"
            "Gauthier;Noël;Perrin;Château",
        ),
        """Paris, Île-de-France, Europe/Paris, 8
        Lyon, Auvergne-Rhône-Alpes, Europe/Paris, 4
        Nîmes, Occitanie, Europe/Paris, 1
        Orléans, Centre-Val de Loire, Europe/Paris, 2""",
    ),
    _country(
        "PL",
        9,
        "PLN",
        "+48 555",
        (
            "Zofia;Łucja;Agnieszka;Małgorzata;Bożena;Kinga;Hanna;Oliwia;Żaneta;Elżbieta;Iga",
            "Łukasz;Paweł;Michał;Grzegorz;Stanisław;Kuba;Wojciech;Mikołaj;Rafał;Bartłomiej;Jan",
            "Nowak;Wójcik;Zając;Mazur;Król;Dudek;Stępień;Gołąb;Pawlak;Wróbel;Sikora;Kołodziej;Żak",
        ),
        """Warszawa, Mazowieckie, Europe/Warsaw, 7
        Kraków, Małopolskie, Europe/Warsaw, 5
        Wrocław, Dolnośląskie, Europe/Warsaw, 4
        Łódź, Łódzkie, Europe/Warsaw, 3
        Gdańsk, Pomorskie, Europe/Warsaw, 3""",
    ),
    _country(
        "ES",
        7,
        "EUR",
        "+34 555",
        (
            "Lucía;María;Begoña;Inés;Carmen;Rocío;Sofía;Martina;Nuria;Jimena",
            "Álvaro;José;Iñaki;Andrés;Héctor;Raúl;Sergio;Joaquín;Nicolás;Íñigo",
            "García;Muñoz;Ibáñez;Peña;Núñez;Gómez;Ordóñez;Vázquez;Ríos;Castro;Serrano;Cabañas",
        ),
        """Madrid, Madrid, Europe/Madrid, 6
        Barcelona, Cataluña, Europe/Madrid, 5
        Málaga, Andalucía, Europe/Madrid, 2
        Logroño, La Rioja, Europe/Madrid, 1""",
    ),
    _country(
        "NL",
        6,
        "EUR",
        "+31 555",
        (
            "Sanne;Femke;Maartje;Noor;Loes;Fleur;Daphne;Zoë;Marijke;Yara",
            "Daan;Sem;Bram;Thijs;Joost;Ruben;Koen;Sjoerd;Willem;Noël",
            "de Vries;van Dijk;Bakker;Visser;Smit;de Boer;Mulder;Prins;van der Meer;Hoekstra",
        ),
        """Amsterdam, Noord-Holland, Europe/Amsterdam, 6
        Utrecht, Utrecht, Europe/Amsterdam, 3
        Rotterdam, Zuid-Holland, Europe/Amsterdam, 4
        Groningen, Groningen, Europe/Amsterdam, 1""",
    ),
    _country(
        "SE",
        4,
        "SEK",
        "+46 555",
        (
            "Åsa;Märta;Elsa;Ebba;Linnéa;Saga;Ylva;Frida;Agnes",
            "Björn;Göran;Åke;Nils;Anders;Oskar;Håkan;Viggo;Elias",
            "Lindström;Åberg;Sjöberg;Nyström;Björk;Ek;Hedlund;Söderlund;Wikström",
        ),
        """Stockholm, Stockholm, Europe/Stockholm, 5
        Göteborg, Västra Götaland, Europe/Stockholm, 3
        Malmö, Skåne, Europe/Stockholm, 2""",
    ),
    _country(
        "BR",
        7,
        "BRL",
        "+55 555",
        (
            "Júlia;Letícia;Conceição;Beatriz;Flávia;Mônica;Taís;Rosângela;Luíza;Vitória",
            "João;Antônio;Caíque;Fábio;Mateus;Vinícius;Thiago;Otávio;Sebastião;Luís",
            "Gonçalves;Araújo;Conceição;Magalhães;Simões;Brandão;Ribeiro;Tavares;Leão;Assunção",
        ),
        """São Paulo, São Paulo, America/Sao_Paulo, 7
        Curitiba, Paraná, America/Sao_Paulo, 2
        Belém, Pará, America/Belem, 1
        Recife, Pernambuco, America/Recife, 2""",
    ),
    _country(
        "JP",
        5,
        "JPY",
        "+81 555",
        (
            "陽菜;美咲;結衣;さくら;Yuki;Haruka;Aiko;Emi",
            "大翔;蓮;健太;悠真;Haruto;Ren;Kenta;Sho",
            "佐藤;鈴木;高橋;田中;Tanaka;Sato;Ito;Kobayashi",
        ),
        """東京, Tōkyō, Asia/Tokyo, 6
        大阪, Ōsaka, Asia/Tokyo, 3
        札幌, Hokkaidō, Asia/Tokyo, 1""",
    ),
)


@dataclass(frozen=True, slots=True)
class Industry:
    """`heads` is the median number of employees, `spread` its log-normal width.

    `turnover` is revenue per employee in thousands, `thirst` how much of it they buy from us.
    """

    name: str
    weight: int
    heads: int
    spread: float
    turnover: int
    thirst: float
    endings: tuple[str, ...]


INDUSTRIES: tuple[Industry, ...] = (
    Industry("Hospitality", 24, 22, 1.0, 60, 1.6, ("Café", "Hotel", "Bistro", "Kitchen", "Inn")),
    Industry("Retail", 16, 35, 1.1, 140, 1.2, ("Stores", "Market", "Deli", "Bakery", "Trading")),
    Industry("Software", 14, 45, 1.2, 160, 0.9, ("Labs", "Systems", "Cloud", "Works", "Data")),
    Industry("Education", 9, 120, 0.9, 55, 0.8, ("College", "Academy", "School", "Campus")),
    Industry("Health care", 9, 180, 1.1, 90, 0.7, ("Clinic", "Care", "Pharma", "Dental")),
    Industry("Manufacturing", 9, 160, 1.2, 190, 0.6, ("Mills", "Tools", "Foundry", "Steel")),
    Industry("Finance", 7, 90, 1.3, 320, 0.9, ("Capital", "Bank", "Partners", "Insurance")),
    Industry("Media", 6, 30, 1.0, 120, 1.1, ("Studio", "Press", "Pictures", "Radio")),
    Industry("Logistics", 6, 140, 1.1, 110, 0.7, ("Freight", "Lines", "Express", "Cargo")),
)

COMPANY_WORDS = _listed(
    "Amber;Anchor;Birch;Blue Door;Bright;Cedar;Clearwater;Copper;Corner;Crane;Delta;Eastgate;Élan;"
    "Falcon;Fjord;Garnet;Grünwald;Harbour;Heron;Hillside;Iron;Jasper;Juniper;Kestrel;Lantern;"
    "Linden;Lumière;Maple;Meridian;Mill Lane;Nimbus;North;Oak;Ocean;Olive;Orchard;Otter;Pebble;"
    "Pepper;Pine;Quarry;Raven;Redwood;River;Rosé;Saffron;Sierra;Silver;Sparrow;Summit;Swift;"
    "Thistle;Tidal;Tulip;Umber;Valley;Velvet;Vértice;Walnut;Westward;Willow;Winter;Wren;Zephyr;Żubr"
)


@dataclass(frozen=True, slots=True)
class Goods:
    """A product family: `price` from and to, in euro; `stock` is the usual quantity at hand, 0 for
    what is not kept."""

    category: str
    names: tuple[str, ...]
    sizes: tuple[str, ...]
    price: tuple[float, float]
    stock: int
    appeal: float


GOODS: tuple[Goods, ...] = (
    Goods(
        "Espresso machines",
        ("Aurora", "Bora", "Cascata", "Doppio", "Étoile", "Forte"),
        ("1 group", "2 groups", "3 groups", "Office"),
        (890.0, 9800.0),
        14,
        0.7,
    ),
    Goods(
        "Grinders",
        ("Burr", "Quiet", "Flat", "Conical", "Silex"),
        ("64 mm", "75 mm", "83 mm"),
        (190.0, 2400.0),
        25,
        0.8,
    ),
    Goods(
        "Beans",
        ("Sidamo", "Huila", "Santos", "Antigua", "Harrar", "Nariño", "Cerrado", "House blend"),
        ("250 g", "1 kg", "5 kg", "Decaf 1 kg"),
        (7.5, 110.0),
        420,
        3.2,
    ),
    Goods(
        "Cups and tools",
        ("Tamper", "Milk jug", "Cup set", "Scale", "Cleaning kit", "Knock box"),
        ("S", "M", "L"),
        (9.0, 180.0),
        160,
        1.4,
    ),
    Goods(
        "Service plans",
        ("Care", "Care Plus", "Care 24"),
        ("1 year", "3 years"),
        (120.0, 2900.0),
        0,
        1.0,
    ),
)

RIVALS = ("Bean Brothers", "CaffèDirekt", "Nordrost", "Perk & Co", "Torrefatto")
LOSS_REASONS = ("price", "no decision", "rival", "timing", "missing feature")
SOURCES = ("search", "referral", "trade fair", "advert", "newsletter", "partner")

DEAL_STAGES = (("Prospecting", 0.1), ("Qualified", 0.3), ("Proposal", 0.55), ("Negotiation", 0.8))

TASK_KINDS = (
    ("call", 15, ("Call back", "Ask about the trial", "Renewal call")),
    ("email", 10, ("Send the quote", "Send the price list", "Answer the questions")),
    ("meeting", 45, ("Site visit", "Tasting", "Quarterly review")),
    ("demo", 30, ("Show the new grinder", "Machine demo")),
    ("follow-up", 10, ("Follow up the quote", "Check delivery", "Chase the invoice")),
)

TICKET_SUBJECTS = (
    ("high", ("Machine does not heat", "Water leaks from the group head", "Grinder is blocked")),
    ("urgent", ("No power at all", "Smoke from the pump")),
    (
        "normal",
        (
            "Wrong grind size delivered",
            "Invoice shows the old address",
            "Descaling light stays on",
            "How do I change the water filter?",
        ),
    ),
    (
        "low",
        ("Wish: a smaller drip tray", "Please send the manual", "Which beans for filter coffee?"),
    ),
)
CHANNELS = ("email", "chat", "phone", "web form")

TEAM: tuple[tuple[str, str, str], ...] = (
    # name, role, group
    ("Ines Oliveira", "manager", "Management"),
    ("Tom Whitfield", "manager", "Sales North"),
    ("Agata Żuk", "agent", "Sales North"),
    ("Jonas Bäcker", "agent", "Sales North"),
    ("Linnea Åkesson", "agent", "Sales North"),
    ("Camille Durand", "manager", "Sales South"),
    ("Diego Ibarra", "agent", "Sales South"),
    ("Flavia Rossi", "agent", "Sales South"),
    ("Hana Mori", "agent", "Sales South"),
    ("Samuel Osei", "manager", "Support"),
    ("Petra Novotná", "agent", "Support"),
    ("Rui Santos", "agent", "Support"),
    ("Wendy Clark", "agent", "Support"),
    ("Ali Demir", "agent", "Marketing"),
)

GROUPS: tuple[tuple[str, str], ...] = (
    ("Management", "Sees everything"),
    ("Sales North", "Germany, Poland, the Netherlands, Sweden, Great Britain"),
    ("Sales South", "France, Spain, Brazil, Japan and the United States"),
    ("Support", "Tickets and machines in the field"),
    ("Marketing", "Newsletter, fairs and the web shop"),
)

NORTH = frozenset({"DE", "PL", "NL", "SE", "GB"})
"""Countries that the group Sales North looks after."""
