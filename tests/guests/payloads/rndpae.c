/* random PAE guest */
#include "lib.h"
#ifndef NOPS
#define NOPS 2000
#endif
#ifndef SEED
#define SEED 1
#endif
static u32 seed=SEED, cur, loops;
static u32 rnd(void){ seed=seed*1103515245u+12345u; return seed>>8; }
static u32 root[3]={0x200000,0x240000,0x242000};
static u32 pdof[3]={0x201000,0x241000,0x243000};
static u32 pde_a(u32 va){ return pdof[cur]+(va>>21)*8; }
static u32 home(u32 va){ return 0x205000u+(va>>21)*0x1000; }
static u32 pte_a(u32 va){ u64 d=rd64(pde_a(va)); return ((u32)d&1&&!((u32)d&0x80)?(u32)d&~0xfffu:home(va))+((va>>12)&511)*8; }
void pf_c(u32 cr2,u32 err){
  u32 va=cr2&~0xfffu; npf++; mix(cr2); mix(err); if(++loops>20000) die(0x42);
  if(va<0x1000000||va>=0x2000000) die(0x43);
  u64 d=rd64(pde_a(va)); if(!(d&1)||((d&0x80)&&(d&0x1fe000))){ wr64(pde_a(va),home(va)|7); invlpg(va); return; }
  if(!(d&2)){ wr64(pde_a(va),d|2); invlpg(va); return; }
  if(d&0x80) die(0x44);
  u32 p=pte_a(va); u64 e=rd64(p); if(!(e&1)||(err&8)) e=va|3; else e|=2; wr64(p,e); invlpg(va);
}
static void zero(u32 a){ for(u32 i=0;i<4096;i+=4) wr32(a+i,0); }
static u32 hot(void){ u32 r=rnd(); return 0x1000000+((r&7)<<21)+(((r>>3)&15)<<12); }
void main(void){
  idt_init();
  zero(0x200000); for(u32 i=0;i<4;i++){ zero(0x201000+i*0x1000); wr64(0x200000+i*8,0x201001+i*0x1000); }
  for(u32 t=1;t<3;t++){ zero(root[t]); zero(pdof[t]); wr64(root[t],pdof[t]|1); for(u32 i=0;i<32;i++) wr64(pdof[t]+i*8,0x205003+i*0x1000); }
  for(u32 i=0;i<32;i++) wr64(0x201000+i*8,0x205003+i*0x1000);
  for(u32 i=0;i<32*512;i++) wr64(0x205000+i*8,i*0x1000+3);
  for(u32 i=8;i<12;i++) wr64(pdof[2]+i*8,0x260003+(i-8)*0x1000);
  for(u32 i=0;i<4*512;i++) wr64(0x260000+i*8,0x2000003+i*0x1000);
  CK(1);
  set_cr4(get_cr4()|0x20); set_cr3(0x200000); set_cr0(get_cr0()|0x80010000);
  for(u32 n=0;n<NOPS;n++){
    u32 va=hot(), op=rnd()%26, p=pte_a(va); u64 d=rd64(pde_a(va)); int huge=(d&0x81)==0x81;
    if(op<7) wr8(va+(n&0xfff),(u8)n);
    else if(op<11) mix(rd8(va+(rnd()&0xfff)));
    else if(op<12){ wr64(p,0); invlpg(va); }
    else if(op<13){ wr32(p,rd32(p)^2); invlpg(va); }
    else if(op<14){ wr64(p,(hot()+((rnd()&1)<<24))|3); invlpg(va); }
    else if(op<16){ cur=rnd()%3; set_cr3(root[cur]); }
    else if(op<17){ u32 a=pde_a(va); if(huge) wr64(a,home(va)|3); else wr64(a,(va&~0x1fffffu)|0x83); set_cr3(get_cr3()); }
    else if(op<18){ set_cr0(get_cr0()^0x10000); wr8(va,1); }
    else if(op<19){ set_cr4(get_cr4()^0x80); mix(rd8(va)); }
    else if(op<20){ wr8(p,(u8)(rd8(p)&~0x60)); invlpg(va); }
    else if(op<21){ if((p&0xfff)<0xff8){ u32 x=rd32(p+6); wr32(p+6,x); set_cr3(get_cr3()); } }
    else if(op<22){ wr64(p,0xFE000003+(rnd()&3)*0x1000); invlpg(va); if(!huge){ wr32(va+16,n); (void)rd32(va+32);} wr64(p,va|3); invlpg(va); }
    else if(op<23){ wr64(pde_a(va),0); invlpg(va); (void)rd8(va); }
    else if(op<24){ set_cr0(get_cr0()&~0x80000000u); wr8(va,9); for(u32 t=0;t<3;t++) wr64(root[t],pdof[t]|1); for(u32 i=1;i<4;i++) wr64(0x200000+i*8,0x201001+i*0x1000); set_cr0(get_cr0()|0x80000000u); mix(rd8(va)); }
    else if(op<25){ u32 q=p&~0x7fu; for(u32 i=0;i<16;i++) wr32(q+i*8,rd32(q+i*8)&~0x60u); set_cr3(get_cr3()); }
    else mix(rd32(p));
    for(u32 t=0;t<3;t++) wr64(root[t],pdof[t]|1);
    if(n%500==499) CK((u8)(2+n/500));
  }
  CK(50);
  put_hex(npf); put_hex(sum);
}
