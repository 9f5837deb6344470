"""What a hospital means: which families of SAT's keys it uses, and the words that SAT's texts do not have.

SAT's catalogue says "Servicios de laboratorios de rayos x"; people ask for "radiografía". The words here only help to
find a key: what a service is for the SAT is decided by who charges it.
"""

from __future__ import annotations

from typing import Final

#: Beginning of the key and how much it counts, in hundredths of finding all the words; the longest one decides.
FAMILIES: Final = {
    "85": 30,  # health services
    "85121502": 37, "85121600": 36,  # what is charged most: a visit
    "851417": 5, "851414": 5, "851415": 5, "851416": 5, "8515": 10, "8513": 10, "8517": 10,
    "51": 20,  # medicines
    "42": 14,  # medical equipment and supplies
    "4212": 0,  # for animals
    "41": 4,  # laboratory
    "92101902": 30,  # ambulance
    "531316": 4,  # hygiene
    "80131500": 12, "80131502": 12, "78111808": 6,  # rent of rooms, of vehicles
    "84111506": 12,  # invoicing: deposits, credit notes
    "90101": 8,  # food of a hospital's kitchen
    "01010101": 5,
}  # fmt: skip
_UNITS: Final = {
    "E48": 40, "H87": 40, "ACT": 35, "DAY": 35, "HUR": 35, "XBX": 30, "MLT": 30, "GRM": 30, "LTR": 25, "XPK": 25,
    "KT": 25, "SET": 20, "E27": 25, "S6": 25, "VS": 25, "U1": 25, "XT1": 25, "XAM": 20, "XAP": 20, "XVI": 25, "PR": 20,
    "MTR": 15, "KGM": 20, "MGM": 20, "XRO": 20, "XTU": 20, "MIN": 20, "MON": 20, "WEE": 15, "ANN": 15, "XUN": 15,
    "E51": 10, "XSA": 10,
}  # fmt: skip
#: Words that people say for a key, beside SAT's own.
ALSO: Final = {
    "85101501": "hospitalización internamiento urgencias quirófano sala de operaciones hospital cuidados intensivos "
    "terapia intensiva recuperación sala de choque cirugía",
    "85101502": "hospitalización internamiento habitación cuarto cama estancia día de hospital privado clínica",
    "85101503": "consultorio renta de consultorio",
    "85101504": "psiquiátrico",
    "85101505": "inhaloterapia nebulización oxígeno ventilador terapia respiratoria",
    "85101507": "urgencias atención de urgencias",
    "85101509": "parto cesárea tococirugía maternidad",
    "85101601": "aplicación de inyección inyecciones curación enfermera suero toma de presión signos vitales",
    "85101602": "parto psicoprofiláctico partera",
    "85101605": "cuidador enfermería a domicilio",
    "85111510": "vacuna aplicación de vacuna",
    "85121501": "visita médica consulta a domicilio",
    "85121502": "consulta médica médico general medicina familiar honorarios médicos",
    "85121503": "consulta de seguimiento revisión control",
    "85121504": "consulta de urgencia médica urgencias",
    "85121600": "consulta de especialidad médica especialista honorarios médicos anestesia anestesiólogo urología "
    "urólogo oncología endocrinología endocrinólogo reumatología hematología infectología alergología "
    "otorrinolaringología medicina interna internista quimioterapia radioterapia",
    "85121601": "ginecólogo obstetra consulta control prenatal papanicolaou colposcopia embarazo "
    "ultrasonido obstétrico",
    "85121602": "nefrólogo hemodiálisis diálisis sesión riñón",
    "85121603": "cardiólogo electrocardiograma ecocardiograma prueba de esfuerzo holter cateterismo corazón",
    "85121604": "neumología neumólogo espirometría",
    "85121605": "gastroenterología endoscopia colonoscopia",
    "85121606": "geriatra",
    "85121607": "psiquiatría psiquiatra consulta",
    "85121608": "psicólogo psicológica terapia consulta",
    "85121609": "cirujano cirugía honorarios quirúrgicos intervención quirúrgica operación",
    "85121610": "oftalmología oftalmólogo ojos cataratas",
    "85121611": "dermatólogo piel",
    "85121612": "ortopedista traumatología traumatólogo yeso fractura",
    "85121613": "pediatría pediatra consulta niños",
    "85121614": "neurología neurólogo neurocirugía electroencefalograma",
    "85121701": "psicoterapia",
    "85121702": "optometrista examen de la vista",
    "85121703": "podología podólogo",
    "85121704": "terapia de lenguaje",
    "85121706": "quiropráctico",
    "85121800": "análisis clínicos estudios de laboratorio perfil",
    "85121801": "biometría hemática química sanguínea glucosa colesterol hemoglobina perfil tiroideo tipo de sangre",
    "85121802": "cultivo bacteriológico exudado urocultivo antibiograma coprocultivo",
    "85121804": "patología biopsia citología histopatología",
    "85121805": "examen general de orina ego",
    "85121807": "ultrasonido obstétrico ecografía eco doppler sonografía",
    "85121808": "radiografía placa tórax radiología imagen rayos mastografía mamografía tomografía resonancia "
    "magnética tac densitometría gabinete imagenología",
    "85121809": "transfusión banco de sangre plasma paquete globular",
    "85121810": "antidoping toxicológico",
    "85121811": "prueba covid pcr antígeno",
    "85121902": "farmacia",
    "85122001": "dentista consulta dental limpieza extracción endodoncia amalgama resina",
    "85122005": "brackets",
    "85122100": "terapia física",
    "85122101": "fisioterapeuta terapia física rehabilitación sesión",
    "85122200": "chequeo check up certificado médico",
    "85151607": "nutriólogo nutrióloga consulta nutrición dieta",
    "85171500": "funeraria",
    "92101902": "traslado en ambulancia transporte de pacientes",
    "84111506": "anticipo depósito",
    "42311500": "vendas gasas apósitos material de curación",
    "42311511": "gasa",
    "42132200": "guantes",
    "42142600": "jeringa",
    "51142001": "paracetamol",
    "51101500": "medicamento antibiótico",
    "01010101": "sin clave varios",
    "E48": "servicio",
    "H87": "pz pza",
    "DAY": "noche",
    "HUR": "hr",
    "MLT": "ml",
    "LTR": "lt",
    "GRM": "g gr",
    "KGM": "kg kilo",
    "MGM": "mg",
    "XVI": "frasco",
    "XBX": "cja",
}


def weight(catalogue: str, key: str) -> int:
    """How much more a key counts here, in hundredths."""
    if catalogue == "c_ClaveUnidad":
        return _UNITS.get(key, 0)
    for length in (8, 6, 5, 4, 2):
        if key[:length] in FAMILIES:
            return FAMILIES[key[:length]]
    return 0
